'use strict';
/*
 * Streams that compress, one for each connection, which nobody closes: the state of zlib is native memory.
 */
const zlib = require('zlib');
const { hold } = require('../hold');
const { run } = require('./small');

/** What V8's snapshot of such a process counts for each: `Node / zlib_memory`. */
const EACH = 284672;
globalThis.connections = new Map();
const truth = { leaked: 'Zlib', holds: 'Zlib', paths: [['.connections', '._handle']], native: { each: EACH, class: 'ZlibStream' }, verdict: ['held by global.connections'] };
run(truth,
  (number) => {
    const stream = zlib.createDeflate();
    stream.write('hello');
    connections.set(number, stream);
  },
  // The streams write in threads of their own.
  () => setTimeout(hold, 1000, { leak: truth }));
