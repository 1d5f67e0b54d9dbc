'use strict';
/*
 * A static list of a class: every sample that was ever taken.
 */
const { run } = require('./small');

class Sample { constructor(number) { this.number = number; this.values = new Array(40).fill(number + 0.5); } }
class Metrics { static samples = []; static take(number) { Metrics.samples.push(new Sample(number)); } }
globalThis.Metrics = Metrics;

run({ leaked: 'Sample', owner: 'Array', holds: 'Sample', paths: [['.samples']] }, (number) => Metrics.take(number));
