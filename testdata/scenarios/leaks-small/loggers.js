'use strict';
/*
 * A logger for each request, which its parent remembers.
 */
const { run } = require('./small');

class Logger {
  constructor(parent, bindings) { this.parent = parent; this.bindings = bindings; this.children = []; if (parent) parent.children.push(this); }
  child(bindings) { return new Logger(this, bindings); }
}
class Bindings { constructor(number) { this.request = number; this.headers = new Array(40).fill('header ' + number); } }

globalThis.log = new Logger(null, {});

run({ leaked: 'Logger', owner: 'Array', holds: 'Bindings', paths: [['.log', '.children']] }, (number) => { log.child(new Bindings(number)); });
