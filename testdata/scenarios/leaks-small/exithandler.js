'use strict';
/*
 * Something to clean up at the end of the process, for each temporary file that was ever made.
 */
const { run } = require('./small');
const { hold } = require('../hold');

class TemporaryFile { constructor(number) { this.name = '/tmp/t' + number; this.blocks = new Array(40).fill(number); } }

process.setMaxListeners(0);

// Node.js may have one of its own.
const truth = { leaked: 'Function', owner: 'Array', holds: 'TemporaryFile', paths: [['._events', '.exit']] };
run(truth, (number) => {
  const file = new TemporaryFile(number);
  process.on('exit', function remove() { file.blocks.length = 0; });
}, () => {
  truth.count = process.listenerCount('exit');
  hold({ leak: truth });
});
