'use strict';
/*
 * What the healthy services have in common: packages, requests that they send to themselves, and the end. Each is a small service with
 * a real framework, as its documentation shows it; nothing in it grows with the number of requests.
 *
 *   --packages=DIR   a directory whose node_modules holds packages.json (needed)
 *   --requests=N     how many requests it answers before its core is taken; 0: it has started, and waits
 */
const http = require('http');
const path = require('path');
const { createRequire } = require('module');
const { pathToFileURL } = require('url');
const { hold, option } = require('../hold');

const packages = path.resolve(option('packages', '.'), 'node_modules');
const fromPackages = createRequire(path.join(packages, 'package.json'));
const REQUESTS = Number(option('requests', 0));
/** Requests at the same time. */
const WIDTH = 16;

/** An ECMAScript module of the packages. */
function importFromPackages(name) { return import(pathToFileURL(fromPackages.resolve(name)).href); }

/** Runs `ask(number)` REQUESTS times, some at the same time, and holds when all are answered and the sockets have rested. */
async function load(ask) {
  let next = 0;
  const worker = async () => { while (next < REQUESTS) await ask(next++); };
  await Promise.all(Array.from({ length: WIDTH }, worker));
  await new Promise((resolve) => setTimeout(resolve, 400));
  hold({ requests: REQUESTS });
}

/** Asks a server of the own process by HTTP: `route(number)` gives a path, or options and a body. */
async function loadByHttp(port, route) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: WIDTH });
  const ask = (number) => new Promise((resolve, reject) => {
    const { body, ...options } = [route(number)].map((it) => (typeof it === 'string' ? { path: it } : it))[0];
    const request = http.request({ port, host: '127.0.0.1', agent, ...options }, (response) => {
      response.resume();
      response.on('end', resolve);
    });
    request.on('error', reject);
    request.end(body);
  });
  await load(ask);
}

/** Options of a request that posts JSON. */
function post(path, value, headers) {
  const body = JSON.stringify(value);
  return { method: 'POST', path, body, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers } };
}

/** Listens on any port. */
function listen(server) { return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port))); }

module.exports = { fromPackages, importFromPackages, load, loadByHttp, listen, post, REQUESTS };
