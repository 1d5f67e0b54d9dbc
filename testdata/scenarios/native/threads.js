// So many threads that run JavaScript, and as many in libuv's pool, which wait or are busy, and so many megabytes of blocks that are kept. Prints
// READY, and goes on.
//
//   UV_THREADPOOL_SIZE=8 node threads.js 8 busy 100
'use strict';
const crypto = require('crypto');
const zlib = require('zlib');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');

const [threads, busy, megabytes] =
  workerData ?? [Number(process.argv[2]), process.argv[3] === 'busy', Number(process.argv[4] ?? 0)];
const kept = (global.kept = []);
const SIZES = [300, 3000, 30_000, 200_000];
let bytes = (megabytes << 20) / threads;
for (let index = 0; bytes > 0; index++) {
  const size = SIZES[index % SIZES.length];
  kept.push(Buffer.allocUnsafeSlow(size).fill(index));
  bytes -= size;
}

/** In libuv's pool and in this thread, again and again. */
function work(index) {
  const again = () => setImmediate(work, index + 1);
  const text = Buffer.alloc(20_000 + (index % 7) * 1000, index);
  kept[index % 50] = Buffer.allocUnsafeSlow(SIZES[index % 3]).fill(index);
  switch (index % 3) {
    case 0: return zlib.deflate(text, again);
    case 1: return crypto.pbkdf2('secret', 'salt' + index, 100, 64, 'sha256', again);
    default: crypto.createHash('sha256').update(text).digest(); return again();
  }
}
if (busy) for (let index = 0; index < 3; index++) work(index);
setInterval(() => {}, 1e6);
if (isMainThread) {
  let begun = 1;
  const begins = () => { if (begun++ === threads) console.log('READY'); };
  for (let index = 1; index < threads; index++) {
    new Worker(__filename, { workerData: [threads, busy, megabytes] }).once('message', begins);
  }
  begins();
} else {
  parentPort.postMessage('begun');
}
