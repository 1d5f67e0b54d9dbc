'use strict';
/*
 * A program of many files: Express with all that it requires, RxJS with the source maps that it ships, and a bundle that
 * Rollup and Terser make of some files of ours, once with its map beside it and once with the map inside.
 *
 *   --packages=DIR   a directory whose node_modules holds modules.packages.json (needed)
 *   --report=FILE    see hold.js; the bundles are put beside it
 *   --build=DIR      only build the bundles
 */
const fs = require('fs');
const path = require('path');
const { execFileSync } = require('child_process');
const { createRequire } = require('module');
const { hold, option } = require('./hold');

const root = path.resolve(option('packages', '.'), 'node_modules');
const fromPackages = createRequire(path.join(root, 'package.json'));

// What the bundles are made of.
const sources = {
  'counter.js': `
// A counter whose step is fixed.
export function makeCounter(startValue, stepWidth) {
  let currentCount = startValue;
  return {
    increment() { currentCount += stepWidth; return currentCount; },
    peek: () => currentCount,
  };
}
`,
  'registry.js': `
export class Registry {
  #entries = new Map();
  register(entryName, entryValue) { this.#entries.set(entryName, entryValue); return () => [entryName, entryValue, this]; }
}

export const describe = function describeRegistry(registryToDescribe) {
  const headline = 'registry of ' + registryToDescribe.constructor.name;
  return function renderHeadline() { return headline; };
};
`,
  'main.js': `
import { makeCounter } from './counter.js';
import { Registry, describe } from './registry.js';
export function assemble() {
  const counter = makeCounter(40, 2);
  counter.increment();
  const registry = new Registry();
  return { counter, release: registry.register('first entry', 17), render: describe(registry) };
}
`,
};

/** Writes DIR/src, the bundle with its map in a file, and the one with its map in a data: URL. */
async function build(directory) {
  const { rollup } = fromPackages('rollup');
  const { minify } = fromPackages('terser');
  fs.mkdirSync(path.join(directory, 'src'), { recursive: true });
  for (const [name, text] of Object.entries(sources)) fs.writeFileSync(path.join(directory, 'src', name), text);
  const bundle = await rollup({ input: path.join(directory, 'src/main.js') });
  const file = path.join(directory, 'dist/bundle.js');
  const { output: [chunk] } = await bundle.generate({ file, format: 'cjs', sourcemap: true });
  const minified = async (sourceMap) => minify({ 'bundle.js': chunk.code }, { toplevel: true, sourceMap: { content: chunk.map.toString(), ...sourceMap } });
  fs.mkdirSync(path.join(directory, 'dist'), { recursive: true });
  const beside = await minified({ filename: 'bundle.js', url: 'bundle.js.map' });
  fs.writeFileSync(file, beside.code);
  fs.writeFileSync(file + '.map', beside.map);
  // The text of the sources is only in their files.
  const inside = await minified({ filename: 'inline.js', url: 'inline', includeSources: false });
  fs.writeFileSync(path.join(directory, 'dist/inline.js'), inside.code);
}

/** Every function that can be reached from the exports of the modules, with its source as the language gives it. */
function reachable() {
  const seen = new Set();
  const functions = [];
  const pending = Object.values(require.cache).map((module) => module.exports);
  while (pending.length) {
    const value = pending.pop();
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue;
    seen.add(value);
    if (typeof value === 'function') {
      const text = Function.prototype.toString.call(value);
      if (!text.endsWith('{ [native code] }')) functions.push(text);
    }
    for (const key of Reflect.ownKeys(value)) {
      const { value: held, get, set } = Object.getOwnPropertyDescriptor(value, key);
      pending.push(held, get, set);
    }
    pending.push(Object.getPrototypeOf(value));
  }
  return [...new Set(functions)].sort();
}

class Service { constructor(parts) { Object.assign(this, parts); } }

function main() {
  const directory = path.dirname(path.resolve(option('report', 'modules-report/process.json')));
  execFileSync(process.execPath, [__filename, '--packages=' + option('packages', '.'), '--build=' + directory]);
  const bundled = require(path.join(directory, 'dist/bundle.js'));
  const inline = require(path.join(directory, 'dist/inline.js'));
  const express = fromPackages('express');
  const rxjs = fromPackages('rxjs');
  const application = express();
  const greeting = 'hello';
  application.get('/greet', function greet(request, response) { response.send(greeting); });
  const subject = new rxjs.Subject();
  const doubled = [];
  subject.pipe(rxjs.map((value) => 2 * value)).subscribe((value) => doubled.push(value));
  subject.next(21);
  globalThis.service = new Service({
    magic: 'a program of many files', application, subject, doubled, bundled: bundled.assemble(), inline: inline.assemble(),
    greet: application._router.stack.at(-1).route.stack[0].handle,
  });
  const files = Object.keys(require.cache).filter((file) => !file.startsWith(__dirname));
  const texts = reachable();
  setImmediate(() => hold({ files, functions: texts, directory }));
}

const target = option('build', '');
if (target) build(target);
else main();
