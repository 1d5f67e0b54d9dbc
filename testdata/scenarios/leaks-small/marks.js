'use strict';
/*
 * Marks of the performance timeline, which Node.js keeps until they are cleared.
 */
const { performance } = require('perf_hooks');
const { REQUESTS, run } = require('./small');

class Detail { constructor(number) { this.number = number; this.samples = new Array(1600).fill(number + 0.5); } }

// Node.js has one more, which is no mark.
run({ leaked: 'PerformanceMark', owner: 'Array', holds: 'PerformanceMark', alive: REQUESTS + 1, paths: [['closure variable "markEntryBuffer" of observerCallback']] },
  (number) => { performance.mark('request ' + number, { detail: new Detail(number) }); });
