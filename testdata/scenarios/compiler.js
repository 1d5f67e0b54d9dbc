'use strict';
/*
 * A bundler that holds a whole program in memory: Rollup with the module graph of three.js and lodash, each module's
 * source, syntax tree, scopes and variables. Over 100 MB of heap in some 160 classes that somebody else wrote.
 *
 *   --packages=DIR   a directory whose node_modules holds compiler.packages.json (needed)
 */
const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');
const { hold, option } = require('./hold');

const root = path.resolve(option('packages', '.'), 'node_modules');
const { rollup, VERSION } = createRequire(path.join(root, 'package.json'))('rollup');

// Rollup alone knows no packages: this resolves the two whose modules the program imports.
const entry = '\0program';
const modules = {
  name: 'packages',
  resolveId(id, importer) {
    if (id === entry) return id;
    if (id.startsWith('.')) return path.resolve(path.dirname(importer), id);
    return path.join(root, id);
  },
  load(id) {
    if (id !== entry) return fs.readFileSync(id, 'utf8');
    return "export * as three from 'three/build/three.module.js'; export * as lodash from 'lodash-es/lodash.js';";
  },
};

class Bundled { constructor(bundle) { this.magic = 'a bundler'; this.version = VERSION; this.bundle = bundle; } }

async function main() {
  globalThis.program = new Bundled(await rollup({ input: entry, plugins: [modules], onwarn() {}, treeshake: true }));
  setImmediate(() => hold({ rollup: VERSION, modules: program.bundle.watchFiles.length }));
}
main();
