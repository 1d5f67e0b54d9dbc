'use strict';
/*
 * A stream that is written to and that nobody reads: what was pushed waits in its buffer.
 */
const { Readable } = require('stream');
const { run } = require('./small');

class Reading { constructor(number) { this.number = number; this.values = new Array(40).fill(number + 0.5); } }

const readings = new Readable({ objectMode: true, read() {} });
globalThis.sensor = { readings };

// Its buffer is a list of Node.js's own, or an array.
const owner = readings._readableState.buffer.constructor.name;
run({ leaked: owner === 'Array' ? 'Reading' : 'Object', owner, holds: 'Reading', paths: [['._readableState', '.buffer']] },
  (number) => { readings.push(new Reading(number)); });
