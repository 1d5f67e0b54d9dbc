'use strict';
/*
 * What a startup snapshot holds when a program is thawed from it: `node --build-snapshot archive.js`, then
 * `node --snapshot-blob FILE DIRECTORY-OF-THE-SCENARIOS/archive.js`. Run as it is, it makes the same objects itself.
 *
 * Nothing here needs more than a snapshot can hold: no file, no other context, no worker, no error (Node.js 22 aborts on one).
 */
const v8 = require('v8');

class Settler { constructor(number) { this.number = number; this.share = number + 0.75; this.name = 'settler ' + number; } }
class Archive { constructor() { this.magic = 'thawed'; } }

const archive = globalThis.archive = new Archive();
archive.settlers = Array.from({ length: 2000 }, (_, i) => new Settler(i));
archive.map = new Map([['k', { in: 'map' }], [2, 2.5]]);
archive.set = new Set([1, 'two']);
archive.doubles = [1.5, -0.5];
archive.bytes = new Uint8Array([1, 2, 3]);
archive.large = new Uint8Array(5000).fill(7);
archive.date = new Date(86400000);
archive.bigint = 2n ** 70n;
archive.symbol = Symbol('archived');
archive.regexp = /thaw(ed)?/gi;
archive.rope = 'left side of a rope, ' + archive.settlers.length + ', ' + '-'.repeat(30);
archive.counter = (() => { let count = 0; const label = 'made before'; return function counter() { count++; return label; }; })();
for (let i = 0; i < 100; i++) archive.counter();
archive.dictionary = {};
for (let i = 0; i < 200; i++) archive.dictionary['k' + i] = i;
for (let i = 0; i < 200; i += 2) delete archive.dictionary['k' + i];

/** What runs after the thaw. Never returns. */
function thawed() {
  const { createRequire } = require('module');
  const { hold } = createRequire(process.argv[1])('./hold');
  archive.settlers.push(new Settler(2000));
  archive.counter();
  archive.later = { made: 'after the start' };
  hold({ stragglers: 0, workers: 0 });
}

/** The root, as a program that is asked for its own values sees it. */
async function ready() {
  archive.settlers.push(new Settler(2000));
  archive.counter();
  archive.later = { made: 'after the start' };
  return archive;
}

if (v8.startupSnapshot.isBuildingSnapshot()) v8.startupSnapshot.setDeserializeMainFunction(thawed);
else if (require.main === module) thawed();
else module.exports = { ready };
