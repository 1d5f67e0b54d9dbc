'use strict';
/*
 * What a release of Node.js is judged by, in one process: the values of `kinds` (kinds.js is loaded as it is), populations of known
 * size, garbage of three ages, contexts, and a worker thread.
 *
 * Everything else hangs off `globalThis.census`, the only instance of class Census.
 *
 * | garbage | when it was dropped | where its memory is |
 * | --- | --- | --- |
 * | `Ephemeral` | at once | in new space, collected by the first scavenge |
 * | `Evicted` | after it had grown old, one between each two `Tenant` that stay | in old space: the holes between the tenants, small and large |
 * | `Straggler` | behind the collection that a heap snapshot begins with | still there: all `stragglers` of them are in the core, and none is alive |
 *
 *   --contexts=N     how many contexts beside that of `kinds` (default 4)
 *   --workers=N      how many worker threads (default 1); each writes a heap snapshot of its own
 *   --stragglers=N   objects dropped behind the snapshot (default 300)
 *   --death=HOW      what it dies of, instead of waiting: `abort`, `throw` (an error that nobody catches) or `memory` (more `Hoard`
 *                    than the old space has room for; the collections before that leave no straggler)
 */
const path = require('path');
const vm = require('vm');
const kindsProgram = require('./kinds');
const { hold, option } = require('./hold');

const CONTEXTS = Number(option('contexts', 4));
const WORKERS = Number(option('workers', 1));
const STRAGGLERS = Number(option('stragglers', 300));
const DEATH = option('death', '');
const TENANTS = 9000;

class Census { constructor() { this.magic = 'what a release is judged by'; } }
class Tenant { constructor(number) { this.number = number; this.rent = number + 0.25; this.name = 'tenant ' + number; } }
class Evicted { constructor(number) { this.number = number; this.rooms = new Array(number % 23).fill('room ' + number); this.left = { moved: number % 2 === 0 }; } }
class Ephemeral { constructor(number) { this.number = number; } }
class Straggler { constructor(number) { this.number = number; } }
class Hoard { constructor(next) { this.next = next; this.weight = 0.5; this.more = 1.5; } }

const census = globalThis.census = new Census();

// Scavenges promote both; then every other object of the old pages goes.
census.tenants = [];
let evicted = [];
for (let i = 0; i < TENANTS; i++) {
  census.tenants.push(new Tenant(i));
  evicted.push(new Evicted(i));
  new Ephemeral(i);
}
evicted = null;

census.contexts = [];
for (let i = 0; i < CONTEXTS; i++) {
  const context = vm.createContext({ number: i });
  vm.runInContext(`
    let lexical = 'of context ' + number; const constant = number * 1.5;
    class Resident { constructor(n) { this.n = n; this.home = number; } }
    var residents = []; for (let n = 0; n <= number; n++) residents.push(new Resident(n));
    var peek = function peek() { return lexical + constant; };
  `, context);
  census.contexts.push({ number: i, residents: context.residents, peek: context.peek, global: context });
}

census.counter = (() => { let count = 0, half = 0.5; const label = 'counted'; return function counter() { count++; half += 0.5; return label; }; })();
for (let i = 0; i < 20000; i++) census.counter();

/** The root, once its last part is there. */
async function ready() {
  await kindsProgram.ready();
  return census;
}

/** What the last call before the process blocks leaves behind. */
function straggle() {
  for (let i = 0; i < STRAGGLERS; i++) new Straggler(i);
}

/** The end, if it is not to wait. */
function die() {
  if (DEATH === 'abort') process.abort();
  if (DEATH === 'throw') throw census.last;
  if (DEATH === 'memory') for (;;) census.hoard = new Hoard(census.hoard);
}

const state = new Int32Array(new SharedArrayBuffer(8));
const inWorker = `
  const { workerData: { state, number, snapshot } } = require('worker_threads');
  const v8 = require('v8');
  class Clerk { constructor(i) { this.i = i; this.label = 'clerk ' + i; } }
  class Office { constructor() { this.magic = 'office ' + number; this.clerks = []; this.files = new Map([['first', 0.5]]); } }
  globalThis.office = new Office();
  for (let i = 0; i < 100; i++) office.clerks.push(new Clerk(i));
  setImmediate(() => {
    if (snapshot) v8.writeHeapSnapshot(snapshot);
    Atomics.add(state, 0, 1);
    for (;;) Atomics.wait(state, 1, 0);
  });
`;

/** Lets the workers start, one after the other, and ends the program. Never returns. */
function run() {
  const { Worker } = require('worker_threads');
  const snapshot = option('snapshot', '');
  const nameOf = (number) => snapshot && path.join(path.dirname(snapshot), path.basename(snapshot, '.heapsnapshot') + '.worker' + (number || '') + '.heapsnapshot');
  census.workers = [];
  census.hoard = null;
  census.last = DEATH === 'throw' && new Error('nobody catches this');
  hold.last = () => { straggle(); die(); };
  (function next() {
    // The event loop has to turn while a worker starts: the main thread serves some of its requests.
    const started = Atomics.load(state, 0);
    if (started === WORKERS) return hold({ contexts: CONTEXTS, workers: WORKERS, stragglers: STRAGGLERS });
    if (started === census.workers.length) census.workers.push(new Worker(inWorker, { eval: true, workerData: { state, number: started, snapshot: nameOf(started) } }));
    setTimeout(next, 10);
  })();
}

module.exports = { ready, run };
if (require.main === module) ready().then(run);
