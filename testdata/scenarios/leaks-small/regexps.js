'use strict';
/*
 * Regular expressions that are made from what users type, and kept by it.
 */
const { run } = require('./small');

class Filters { constructor() { this.compiled = new Map(); } match(text, line) { if (!this.compiled.has(text)) this.compiled.set(text, new RegExp('(' + text + ')+[a-z]*', 'i')); return this.compiled.get(text).test(line); } }
globalThis.filters = new Filters();

run({ leaked: 'RegExp', owner: 'Map', holds: 'RegExp', paths: [['.filters', '.compiled']] }, (number) => { filters.match('item' + number, 'item' + number + 'x'); });
