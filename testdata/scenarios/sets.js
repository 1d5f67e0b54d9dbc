'use strict';
/*
 * What goes when a set of objects goes: 1200 pieces of all sorts, held in one, two or three places each, some by each other, in ten random
 * sets that overlap. When the core has been taken, the program drops the sets one after another: wherever a piece is held, null is
 * put in its place; collects, and says what V8 and Node.js then count.
 *
 * A piece has `sets`, a number with a bit for each set that it is in, and `first`, the number of the first of them, or -1.
 *
 *   --seed=N         which sets
 *   --go=FILE        waits for this file before it drops anything (needed)
 *   --freed=FILE     where it writes the counts, as JSON (needed)
 *
 * Needs --expose-gc, and options by which V8 neither makes code while it runs nor forgets any: that is not the doing of a set.
 */
const fs = require('fs');
const v8 = require('v8');
const { report, option } = require('./hold');

const PIECES = 1200;
/** How many of a thousand pieces are in each set. */
const SHARES = [3, 10, 30, 30, 100, 100, 200, 300, 500, 900];

/** Pieces that go before the core is taken, by their bits: nothing that is done after it is done for the first time. */
const WARM = 20;
const ROUNDS = 4;

let state = Number(option('seed', 1)) * 2654435761 >>> 0 || 1;
/** A number below `end`: xorshift. */
function random(end) {
  state ^= state << 13; state >>>= 0;
  state ^= state >>> 17;
  state ^= state << 5; state >>>= 0;
  return state % end;
}

class Piece { constructor(number) { this.number = number; this.sets = 0; this.first = -1; this.load = null; this.peer = null; } }
class Leaf { constructor(number) { this.number = number; this.rows = new Array(5 + number % 20).fill(number + 0.5); } }

/** A text with characters of its own. */
function text(number, length) { return Buffer.from(String(number).padEnd(length, ' text')).toString('latin1'); }

/** Three functions that share a context. */
function makeFunctions(number) {
  const leaf = new Leaf(number);
  const words = text(number, 300);
  let count = 0;
  return [() => leaf.number, () => words.length + count, () => { count++; return leaf; }];
}

let functions = [];
let parent = '';
let store = new ArrayBuffer(1000);
const notes = new WeakMap();
const SORTS = [
  (number) => { if (number % 3 === 0 || functions.length === 0) functions = makeFunctions(number); return functions.pop(); },
  (number) => { if (random(3) === 0) parent = text(number, 2000 + number); return parent.substring(number % 500, number % 500 + 40 + random(100)); },
  (number) => text(number, 100) + text(number + 1, 200) + number,
  (number) => { if (random(3) === 0) store = new ArrayBuffer(1000 + number); return new Uint8Array(store, number % 100, 50); },
  (number) => Buffer.alloc(5000 + number, 1),
  (number) => new Map([['leaf', new Leaf(number)], [number, text(number, 50)], [{ number }, [1, 2, number]]]),
  (number) => new Set([new Leaf(number), text(number, 80), number]),
  (number) => Promise.resolve(new Leaf(number)),
  (number) => new Float32Array(4 + number % 8),
  (number) => { const own = { number }; notes.set(own, new Leaf(number)); return own; },
  (number) => ({ key: new Leaf(number), when: new Date(0), big: 2n ** 70n + BigInt(number) }),
  (number) => (function* each() { const leaf = new Leaf(number); yield leaf; })(),
  (number) => new Error(text(number, 60)),
  (number) => new Proxy(new Leaf(number), {}),
];

const shelf = new Array(2 * PIECES).fill(null);
const registry = new Map();
const box = {};
for (let number = 0; number < PIECES; number++) box['at' + number] = null;
for (let number = 0; number < PIECES; number++) registry.set(number, null);

/** Makes all of it; the pieces are held by what is above alone. */
function build() {
  const pieces = [];
  for (let number = 0; number < PIECES; number++) {
    const piece = new Piece(number);
    for (let set = 0; set < SHARES.length; set++) if (random(1000) < SHARES[set]) piece.sets |= 1 << set;
    if (piece.sets !== 0) piece.first = 31 - Math.clz32(piece.sets & -piece.sets);
    if (random(20) === 0) piece.sets |= 1 << (WARM + random(ROUNDS));
    piece.load = SORTS[random(SORTS.length)](number);
    const places = 1 + random(7);
    if (places & 1) shelf[random(shelf.length)] = piece;
    if (places & 2) registry.set(number, piece);
    if (places & 4) box['at' + random(PIECES)] = piece;
    if (number > 0 && random(4) === 0) piece.peer = pieces[random(number)];
    if (number > 0 && random(9) === 0) piece.load = [piece.load, pieces[random(number)].load];
    pieces.push(piece);
  }
}

/** Puts null in place of the pieces of a set, wherever they are held, without making anything. */
function drop(bit) {
  const is = (value) => value !== null && (value.sets & bit) !== 0;
  const free = (piece) => {
    for (let at = piece; at !== null; at = at.peer) while (at.peer !== null && is(at.peer)) at.peer = null;
  };
  // Chains of peers can lead through pieces that nothing else holds.
  for (let at = 0; at < shelf.length; at++) if (shelf[at] !== null) free(shelf[at]);
  for (const piece of registry.values()) if (piece !== null) free(piece);
  for (const name in box) if (box[name] !== null) free(box[name]);
  for (let at = 0; at < shelf.length; at++) if (is(shelf[at])) shelf[at] = null;
  for (const number of registry.keys()) if (is(registry.get(number))) registry.set(number, null);
  for (const name in box) if (is(box[name])) box[name] = null;
}

const cell = new Int32Array(new SharedArrayBuffer(8));
const counts = new Float64Array(2 * (SHARES.length + 3));

/** Collects, and notes what is counted then. */
function measure(at) {
  for (let round = 0; round < 6; round++) { gc(); Atomics.wait(cell, 0, 0, 20); }
  const { heapUsed, external } = process.memoryUsage();
  counts[2 * at] = heapUsed;
  counts[2 * at + 1] = external;
}

build();
functions = parent = store = null;
setTimeout(() => {
  for (let round = 0; round < ROUNDS; round++) { drop(1 << (WARM + round)); measure(0); }
  const go = option('go', '');
  fs.existsSync(go);
  fs.writeFileSync(option('report', 'process.json'), JSON.stringify(report({ sets: SHARES.length })) + '\n');
  fs.writeSync(1, 'READY ' + process.pid + '\n');
  while (!fs.existsSync(go)) Atomics.wait(cell, 0, 0, 100);
  measure(0);
  measure(1);
  for (let set = 0; set < SHARES.length; set++) { drop(1 << set); measure(set + 2); }
  fs.writeFileSync(option('freed', 'freed.json'), JSON.stringify({ heapUsed: Array.from(counts).filter((_, at) => at % 2 === 0), external: Array.from(counts).filter((_, at) => at % 2 === 1) }) + '\n');
  process.exit(0);
}, 100);
