'use strict';
/*
 * Short pieces of long texts: of each page only its title is kept, as a slice, which keeps all of the page.
 */
const { run, REQUESTS } = require('./small');

const LENGTH = 40000;
class Titles { constructor() { this.byNumber = new Map(); } note(number, page) { this.byNumber.set(number, page.substring(100, 130)); } }
globalThis.titles = new Titles();

/** A text with characters of its own. */
function page(number) { return Buffer.from(String(number).padStart(LENGTH, 'page ')).toString('latin1'); }

run({
  leaked: 'Map', owner: 'Titles', holds: 'Titles', few: 1, alive: 1, diff: 'Map of string', paths: [['.titles']],
  slices: { parts: REQUESTS, shortest: 30, longest: 30, wholes: REQUESTS, bytes: REQUESTS * LENGTH, wasted: REQUESTS * (LENGTH - 30) },
}, (number) => { titles.note(number, page(number)); });
