'use strict';
/* A bundler that builds again when a file changes, as development servers do: Rollup with the cache of the last build. */
const { fromPackages, load } = require('./serve');
const { rollup } = fromPackages('rollup');
const path = require('path');
const lodash = path.dirname(fromPackages.resolve('lodash-es/package.json'));

let cache;
let edit = 0;
const entry = { name: 'entry', resolveId: (id) => (id === 'entry' ? id : id === 'lodash-es' ? path.join(lodash, 'lodash.js') : null), load: (id) => (id === 'entry' ? `import { map, chunk } from 'lodash-es'; export default map(chunk([${edit}], 1), String);` : null) };

async function build() {
  const bundle = await rollup({ input: 'entry', plugins: [entry], cache, onwarn: () => {} });
  cache = bundle.cache;
  await bundle.generate({ format: 'es' });
  await bundle.close();
}

(async () => {
  await build();
  globalThis.server = { get cache() { return cache; } };
  await load(async (number) => { if (number % 400 === 0) { edit = number; await build(); } });
})();
