'use strict';
/*
 * Several isolates and several contexts in one process: a worker thread, a vm context, script-level variables, and
 * the scopes that `with` and sloppy `eval` make.
 *
 * The worker writes a heap snapshot of its own (the name of the main thread's with `.worker` before the
 * extension) and blocks; only then does the main thread stop, see hold.js.
 *
 *   --jobs=N   how many jobs the worker holds (default 5000)
 */
const path = require('path');
const vm = require('vm');
const { Worker } = require('worker_threads');
const { hold, option } = require('./hold');

const JOBS = Number(option('jobs', 5000));
const snapshot = option('snapshot', '');
const workerSnapshot = snapshot && path.join(path.dirname(snapshot), path.basename(snapshot, '.heapsnapshot') + '.worker.heapsnapshot');

// Variables of the script scope, some of which change after they were optimised for.
vm.runInThisContext(`
  let scriptCounter = 1; let scriptDouble = 0.5; let scriptObject = null; const scriptConstant = "script const"; let scriptNever = "assigned once";
  function bump() { scriptCounter = scriptCounter + 1; scriptDouble = scriptDouble * 2 + 0.25; scriptObject = { bumped: scriptCounter }; return scriptCounter; }
`);
const bump = vm.runInThisContext('bump');
for (let i = 0; i < 1000; i++) { bump(); if (i === 500) vm.runInThisContext('scriptDouble = 1.5'); }
vm.runInThisContext('scriptCounter = 4242; scriptDouble = 6.75');

const sandbox = vm.createContext({ given: 'from outside' });
vm.runInContext('let contextLet = "let of the context"; var contextVar = 31; class ContextClass { constructor(n) { this.n = n; } }; var instances = []; for (let i = 0; i < 40; i++) instances.push(new ContextClass(i));', sandbox);

function makeCounter() {
  let hot = 0, hotDouble = 0.5, never = 'never assigned again';
  return { increment() { hot++; hotDouble += 0.25; return hot; }, never: () => never };
}
const counter = makeCounter();
for (let i = 0; i < 200000; i++) counter.increment();

const inWith = new Function('o', 'with (o) { return function inWith() { return fromWith; }; }')({ fromWith: 'with object' });
const inEval = new Function('eval("var fromEval = \'by eval\'"); return function inEval() { return fromEval; };')();

class Dispatcher { constructor(parts) { Object.assign(this, parts); } }
globalThis.dispatcher = new Dispatcher({ magic: 'several isolates', bump, sandbox, counter, inWith, inEval, instance: sandbox.instances[7] });

const state = new Int32Array(new SharedArrayBuffer(8));
const worker = new Worker(`
  const { workerData: { state, jobs, snapshot } } = require('worker_threads');
  const v8 = require('v8');
  class Job { constructor(i) { this.i = i; this.label = 'job ' + i; } }
  class JobQueue { constructor() { this.magic = 'in the worker'; this.list = []; this.done = new Map(); } }
  globalThis.queue = new JobQueue();
  for (let i = 0; i < jobs; i++) queue.list.push(new Job(i));
  setImmediate(() => {
    if (snapshot) v8.writeHeapSnapshot(snapshot);
    Atomics.store(state, 0, 1);
    Atomics.notify(state, 0);
    for (;;) Atomics.wait(state, 1, 0);
  });
`, { eval: true, workerData: { state, jobs: JOBS, snapshot: workerSnapshot } });
dispatcher.worker = worker;

function waitForWorker() {
  // The event loop has to turn while the worker starts: the main thread serves some of its requests.
  if (Atomics.load(state, 0) === 1) hold({ jobs: JOBS });
  setTimeout(waitForWorker, 20);
}
waitForWorker();
