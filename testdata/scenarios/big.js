'use strict';
/*
 * A heap of a chosen size, for measuring: at the default scale about 13 million heap objects in 500 MB.
 *
 *   --scale=F   1 is 13 million heap objects; 0.08 is about one million
 *
 * Per million JavaScript values it holds what services hold: class instances with numbers and strings, small arrays,
 * plain objects, closures with a variable each, and one large Map. big.expected.json has the counts at scale 1.
 */
const { hold, option } = require('./hold');

const SCALE = Number(option('scale', 1));
const scaled = (count) => Math.round(count * SCALE);

class Point { constructor(i) { this.x = i; this.y = i + 0.5; } }
class Session {
  constructor(i) {
    this.id = i;
    this.user = 'user-' + i;
    this.token = 'token-' + i * 7;
    this.roles = ['reader', i];
    this.limits = { read: i, write: i / 2 };
  }
}
class Heap { constructor() { this.magic = 'a big heap'; } }

const heap = globalThis.heap = new Heap();
heap.points = [];
for (let i = 0; i < scaled(1500000); i++) heap.points.push(new Point(i));
heap.rows = [];
for (let i = 0; i < scaled(1950000); i++) heap.rows.push([i, i + 1]);
heap.sessions = new Map();
for (let i = 0; i < scaled(450000); i++) heap.sessions.set(i, new Session(i));
heap.records = [];
for (let i = 0; i < scaled(750000); i++) heap.records.push({ key: i, name: 'record-' + i, weight: i + 0.25 });
heap.callbacks = [];
for (let i = 0; i < scaled(300000); i++) heap.callbacks.push(function captured() { return i; });
hold({ scale: SCALE });
