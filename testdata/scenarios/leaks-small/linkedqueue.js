'use strict';
/*
 * A queue, linked by hand, that nobody empties any more.
 */
const { run } = require('./small');

class Link { constructor(task) { this.task = task; this.next = null; } }
class Task { constructor(number) { this.number = number; this.input = new Array(40).fill(number + 0.5); } }
class Queue {
  constructor() { this.first = null; this.last = null; }
  add(task) { const link = new Link(task); if (this.last) this.last.next = link; else this.first = link; this.last = link; }
}

globalThis.queue = new Queue();

run({ leaked: 'Link', owner: 'Queue', holds: 'Task', paths: [['.queue']] }, (number) => queue.add(new Task(number)));
