'use strict';
/*
 * Generators that were begun and never read to their end: each keeps what it had.
 */
const { run } = require('./small');

class Cursor { constructor(number) { this.number = number; this.page = new Array(50).fill(number + 0.5); } }

globalThis.scans = new Set();
function* scan(number) {
  const cursor = new Cursor(number);
  for (const value of cursor.page) yield value;
}

run({ leaked: 'scan', owner: 'Set', holds: 'Cursor', paths: [['.scans']] }, (number) => {
  const open = scan(number);
  open.next();
  scans.add(open);
});
