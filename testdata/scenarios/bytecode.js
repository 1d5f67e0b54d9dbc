'use strict';
/*
 * Stops with a function that V8 has compiled to bytecode of many kinds, and has printed: `xtask bytecode` holds that against what
 * `::jsbytecode` says. Run with --print-bytecode --print-bytecode-filter=everything.
 */
const { hold } = require('./hold.js');

let counter = 0;

class Parent {
  constructor(name) { this.name = name; }
  greet(other) { return this.name + other; }
}

function everything(first, second = 2, ...others) {
  const list = [1, 2.5, 'three', ...others];
  const object = { first, ['computed' + first]: second, get size() { return list.length; }, nested: { deep: /a+b/gi } };
  let sum = 0;
  for (let index = 0; index < list.length; index++) {
    if (typeof list[index] === 'number') sum += list[index] * 3 - (index << 2);
    else if (list[index] === 'three') continue;
    else break;
  }
  for (const key in object) sum += key.length;
  for (const value of list) counter += Number(value) || 0;
  try {
    sum = object.nested?.missing?.call(1, 2) ?? sum;
    if (sum === -1) throw new RangeError(`no ${sum}`);
  } catch (error) {
    delete object.first;
    sum = error.message.length;
  } finally {
    counter++;
  }
  switch (second) {
    case 1: sum = ~sum; break;
    case 2: sum = -sum; break;
    case 3: sum = sum ** 2; break;
    case 4: sum %= 7; break;
    case 5: sum >>>= 1; break;
    case 6: sum ^= 255; break;
    case 7: sum |= 1; break;
    default: sum = !sum;
  }
  const { first: again, ...rest } = object;
  const inner = (add) => sum + add + counter;
  class Child extends Parent {
    #own = 1;
    constructor() { super('child'); }
    greet(other) { return super.greet(other) + this.#own; }
  }
  object.first = new Child().greet('!');
  object[first] = inner instanceof Function && 'size' in object;
  do { sum = void 0; } while (sum === null);
  return [again, rest, inner(1), arguments.length, new.target, 123456789, -70000n, this === undefined];
}

const kept = everything('a', 3, 'x', 'y');
hold({ kept: kept.length });
