'use strict';
/*
 * The function that lives uses nothing of what its neighbour did, which is long gone; they share a context, and so it keeps all of it.
 */
const { run } = require('./small');

class Draft { constructor(number) { this.number = number; this.pages = new Array(60).fill(number + 0.5); } }

globalThis.printers = [];

globalThis.prepare = prepare;

function prepare(number) {
  const draft = new Draft(number);
  const label = { text: 'draft ' + number };
  const check = function check() { return draft.pages.length; };
  check();
  printers.push(function print() { return label.text; });
}

run({
  leaked: 'Function', owner: 'Array', holds: 'Draft', paths: [['.printers']],
  unread: { variable: 'draft', of: 'prepare', keptBy: 'print' },
}, prepare);
