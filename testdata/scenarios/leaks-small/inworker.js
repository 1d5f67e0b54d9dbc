'use strict';
/*
 * In the heap of a worker: rows that it has read and never forgets.
 */
const { Worker, isMainThread, workerData } = require('worker_threads');

class Row { constructor(number) { this.number = number; this.cells = new Array(50).fill(number + 0.5); } }

if (isMainThread) {
  const { REQUESTS, run } = require('./small');
  const done = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(__filename, { workerData: { done, requests: REQUESTS } });
  worker.on('online', () => {
    Atomics.wait(done, 0, 0);
    run({ leaked: 'Row', owner: 'Map', holds: 'Row', paths: [['.table', '.rows']] }, () => {});
  });
} else {
  const { done, requests } = workerData;
  globalThis.table = { rows: new Map() };
  for (let number = 0; number < requests; number++) table.rows.set('row ' + number, new Row(number));
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
  for (;;) Atomics.wait(done, 0, 1);
}
