'use strict';
/*
 * Marks of the performance timeline, which Node.js keeps until they are cleared.
 */
const { performance } = require('perf_hooks');
const { run } = require('./small');

class Detail { constructor(number) { this.number = number; this.samples = new Array(1600).fill(number + 0.5); } }

run({ leaked: 'PerformanceMark', owner: 'Array', holds: 'PerformanceMark', paths: [] },
  (number) => { performance.mark('request ' + number, { detail: new Detail(number) }); });
