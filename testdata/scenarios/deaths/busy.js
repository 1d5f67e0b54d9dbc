'use strict';
/*
 * A service that answers no more: a search through a list whose end was never marked goes round and round.
 * SIGABRT ends it while it does; the kernel writes the core.
 */
class Node { constructor(name) { this.name = name; this.next = null; } }

function ring(count) {
  const first = new Node('n0');
  let last = first;
  for (let index = 1; index < count; index++) last = last.next = new Node('n' + index);
  last.next = first;
  return first;
}

function find(node, name) {
  while (node !== null) {
    if (node.name === name) return node;
    node = node.next;
  }
  return null;
}

function lookUp(name) {
  return find(ring(5), name);
}

setTimeout(() => lookUp('n5'), 10);
