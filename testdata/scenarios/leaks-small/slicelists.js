'use strict';
/*
 * Lists in a Map, which were there from the start: each request adds to one of twenty lists. Of a long report they keep only the id, as a
 * slice, which keeps all of it. What grows is the Map that holds all lists, and no single list.
 */
const { run } = require('./small');

const LISTS = 20;
const LENGTH = 20000;
class Entry { constructor(id, number) { this.id = id; this.number = number; } }
class Index {
  constructor() {
    this.byHost = new Map();
    for (let host = 0; host < LISTS; host++) this.byHost.set('host-' + host, []);
  }
  add(number, report) { this.byHost.get('host-' + number % LISTS).push(new Entry(report.substring(100, 130), number)); }
}
globalThis.index = new Index();

/** A text with characters of its own. */
function report(number) { return Buffer.from(String(number).padStart(LENGTH, 'report ')).toString('latin1'); }

run({
  leaked: 'Array', owner: 'Map', holds: 'Entry', few: LISTS, alone: true, diff: LISTS + ' Array of Entry', paths: [['.index', '.byHost']],
  verdict: ['byHost'],
}, (number) => { index.add(number, report(number)); });
