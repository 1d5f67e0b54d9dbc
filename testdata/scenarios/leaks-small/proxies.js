'use strict';
/*
 * Observed objects: each change makes a new proxy with a handler of its own, and the list of all of them only grows.
 */
const { run } = require('./small');

class Row { constructor(number) { this.number = number; this.cells = new Array(40).fill(number + 0.5); } }
class Watcher { constructor(number) { this.number = number; this.seen = 0; } get(target, name) { this.seen++; return target[name]; } }

globalThis.observed = [];

run({ leaked: 'Proxy', owner: 'Array', holds: 'Row', paths: [['.observed']] },
  (number) => { observed.push(new Proxy(new Row(number), new Watcher(number))); });
