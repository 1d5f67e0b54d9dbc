'use strict';
/*
 * A cache of nothing but text: no object has gathered, only strings in one Map.
 */
const { run } = require('./small');

class TextCache { constructor() { this.texts = new Map(); } }
globalThis.cache = new TextCache();

run({ leaked: 'Map', owner: 'TextCache', holds: 'TextCache', few: 1, alive: 1, diff: 'Map of string', paths: [['.cache']] }, (number) => {
  cache.texts.set('page ' + number, JSON.stringify(new Array(400).fill('row ' + number)));
});
