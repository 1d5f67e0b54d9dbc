'use strict';
/*
 * What the programs that stand still have in common: packages, requests that they send to themselves, and the word that the
 * moment for a core has come. Where a program waits, and why it does so, is marked in its source: `// WAITS`, `// CULPRIT`.
 *
 *   --packages=DIR   a directory whose node_modules holds packages.json (needed)
 */
const http = require('http');
const path = require('path');
const { createRequire } = require('module');
const { option } = require('../hold');

const fromPackages = createRequire(path.join(path.resolve(option('packages', '.'), 'node_modules'), 'package.json'));

/** Calls of each sort that get no answer. */
const STUCK = 40;

/** Starts a server on a port of its own; returns its address. */
function listen(handler) {
  return new Promise((resolve) => {
    const server = http.createServer(handler).listen(0, '127.0.0.1', () => resolve({ host: '127.0.0.1', port: server.address().port }));
  });
}

/** Sends a request, and leaves it to itself. */
function ask(address, path) {
  http.get({ ...address, path, agent: false }, (response) => response.resume()).on('error', () => {});
}

/** Says that all stands still, once nothing happens any more. */
function ready() {
  setTimeout(() => console.log('ready'), 500);
}

module.exports = { fromPackages, STUCK, listen, ask, ready };
