'use strict';
/*
 * Stops a scenario at a known place so that a core can be taken of it.
 *
 * V8 collects all garbage before it writes a heap snapshot, so a process that does nothing at all afterwards
 * holds in its core exactly the objects of the snapshot. Hence the order here: the process writes what it knows of
 * itself, then says READY, then writes the snapshot, and then blocks its main thread, inside JavaScript, for good.
 *
 * What V8 compiles in the background it is given time for: a job that is done between snapshot and core would hold what it needs in the
 * one and not in the other.
 *
 * A scenario that sets `hold.last` has it called behind all this, just before the process blocks.
 *
 * Options, read from the command line of the scenario:
 *   --report=FILE     what the process says of itself, as JSON
 *   --snapshot=FILE   V8's heap snapshot
 *   --abort           end with process.abort(), so that the kernel writes the core
 */
const fs = require('fs');
const v8 = require('v8');

/** The value of `--name=VALUE`, true for a bare `--name`, else `otherwise`. */
function option(name, otherwise) {
  for (const argument of process.argv.slice(2)) {
    if (argument === '--' + name) return true;
    if (argument.startsWith('--' + name + '=')) return argument.slice(name.length + 3);
  }
  return otherwise;
}

/** What the process reports of itself; `more` is added to it. */
function report(more) {
  return {
    pid: process.pid,
    argv: process.argv,
    execPath: process.execPath,
    versions: process.versions,
    memoryUsage: process.memoryUsage(),
    heapStatistics: v8.getHeapStatistics(),
    heapSpaceStatistics: v8.getHeapSpaceStatistics(),
    ...more,
  };
}

// Made before anything is counted, so that blocking creates nothing.
const cell = new Int32Array(new SharedArrayBuffer(8));

/** Waits until the background compilers are done, and V8 has taken in what they made. */
function settle() {
  for (let n = 0; n < 10; n++) Atomics.wait(cell, 0, 0, 25);
}

/** Ends the scenario. Never returns. */
function hold(more) {
  const reportFile = option('report', '');
  const snapshotFile = option('snapshot', '');
  const abort = option('abort', false);
  // Written as text: some releases make a buffer for it that nobody would count.
  if (reportFile) {
    const file = fs.openSync(reportFile, 'w');
    const text = JSON.stringify(report(more), null, 1) + '\n';
    for (let at = 0; at < text.length; at += 1 << 16) fs.writeSync(file, text.slice(at, at + (1 << 16)));
    fs.closeSync(file);
  }
  fs.writeSync(1, 'READY ' + process.pid + '\n');
  settle();
  if (snapshotFile) v8.writeHeapSnapshot(snapshotFile);
  if (hold.last) hold.last();
  if (abort) process.abort();
  for (;;) Atomics.wait(cell, 0, 0);
}

module.exports = { hold, option, report };
