'use strict';
/*
 * Threads, one for each job, which nobody ends: each has a heap of its own.
 */
const { Worker } = require('worker_threads');
const { hold } = require('../hold');
const { run } = require('./small');

const COUNT = 12;
const program = `
  const { parentPort } = require('worker_threads');
  globalThis.rows = [];
  for (let number = 0; number < 20_000; number++) rows.push({ number, text: 'row ' + number });
  parentPort.postMessage(process.memoryUsage().heapUsed);
  setInterval(() => {}, 1e6);
`;

class Job {
  constructor(done) {
    this.worker = new Worker(program, { eval: true });
    this.worker.once('message', done);
  }
}

globalThis.jobs = new Map();
/** `threads`: the bytes of the heaps of all threads in use, as they say themselves. */
const truth = { leaked: 'Worker', holds: 'Job', few: COUNT, paths: [['.jobs', '.worker']], threads: 0 };
let told = 0;
run(truth,
  (number) => {
    if (number >= COUNT) return;
    jobs.set(number, new Job((bytes) => {
      truth.threads += bytes;
      if (++told === COUNT) setTimeout(hold, 500, { leak: truth });
    }));
  },
  () => {});
