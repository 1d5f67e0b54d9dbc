'use strict';
/*
 * Regular expressions that are made from what users type, and kept by it.
 */
const { run } = require('./small');

class Filter { constructor(text) { this.pattern = new RegExp('(' + text + ')+[a-z]*', 'i'); } }
class Filters {
  constructor() { this.compiled = new Map(); }
  match(text, line) {
    if (!this.compiled.has(text)) this.compiled.set(text, new Filter(text));
    return this.compiled.get(text).pattern.test(line);
  }
}
globalThis.filters = new Filters();

run({ leaked: 'Filter', owner: 'Map', holds: 'Filter', paths: [['.filters', '.compiled']] }, (number) => { filters.match('item' + number, 'item' + number + 'x'); });
