'use strict';
/*
 * Errors whose stack nobody has read: each keeps the objects whose methods were running, as `this` of its frames.
 */
const { run } = require('./small');

class Parser { constructor(number) { this.number = number; this.tokens = new Array(80).fill(number + 0.5); } parse() { return new SyntaxError('token ' + this.number); } }
class Diagnostics { constructor() { this.problems = []; } }
globalThis.diagnostics = new Diagnostics();

run({
  leaked: 'SyntaxError', owner: 'Array', holds: 'Parser', paths: [['.diagnostics', '.problems']],
  through: '"this" of frame 0 of its unread stack',
}, (number) => { diagnostics.problems.push(new Parser(number).parse()); });
