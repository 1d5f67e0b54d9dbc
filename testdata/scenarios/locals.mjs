/* The module that calls locals.js, with variables of its own. */
import { createRequire } from 'node:module';
import * as url from 'node:url';

export let exported = 'exported';
const require = createRequire(import.meta.url);
delete require.cache[require.resolve('./locals.js')];
let a = 'a', captured = 'captured';
const reads = () => captured;
globalThis.calls = [];
for (const b of ['b']) {
  let c = 'c';
  const has = { exported, a, b, c, captured, createRequire: null, url: null, require: null, reads: null, has: null };
  globalThis.calls.push({ name: 'module', has, none: ['later'] });
  require('./locals.js');
}
let later = url.parse;
export { later as last };
