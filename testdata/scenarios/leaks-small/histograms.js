'use strict';
/*
 * A histogram of each user's delays, for users that never come back: its counts are native memory.
 */
const { createHistogram } = require('perf_hooks');
const { run } = require('./small');

/** What V8's snapshot of such a process counts for each: `Node / histogram`. */
const EACH = 360552;
class User { constructor(number) { this.number = number; this.delays = createHistogram(); } }
globalThis.users = new Set();
run({ leaked: 'Histogram', holds: 'User', paths: [['.users', '.delays', '.Symbol(kHandle)']], native: { each: EACH, class: 'HistogramBase' } },
  (number) => { const user = new User(number); user.delays.record(1 + number); users.add(user); });
