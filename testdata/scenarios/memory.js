'use strict';
/*
 * A process whose memory is known: buffers of every kind and the views on them, strings of every representation, equal
 * strings many times over, and collections to list.
 *
 * Its report is written last of all, so that what V8 and Node.js say there of spaces, buffers and external memory holds
 * for the core to the byte. All garbage is collected first. Writing the report allocates in the young generation only. How
 * much, the report says itself: it is written several times, and `newSpacePerReport` is by how much the space grew from
 * the last but one to the last.
 *
 *   --wasm   with a WebAssembly memory too, which reserves addresses of 10 GB that gcore writes out
 */
const fs = require('fs');
const net = require('net');
const v8 = require('v8');
const vm = require('vm');
const { hold, option, report } = require('./hold');

class MemoryRoot {
  constructor(parts) { Object.assign(this, parts); }
}

/** A new string that is equal to `text` and shares nothing with it. */
const fresh = (text) => Buffer.from(text, 'latin1').toString('latin1');
const freshWide = (text) => Buffer.from(text, 'utf16le').toString('utf16le');
const repeated = (count, make) => Array.from({ length: count }, (_, index) => make(index));

/** What becomes of a buffer that is given away. Node.js has structuredClone from 17 on. */
function give(buffer) {
  if (typeof structuredClone === 'function') return structuredClone(buffer, { transfer: [buffer] });
  const { MessageChannel, receiveMessageOnPort } = require('worker_threads');
  const { port1, port2 } = new MessageChannel();
  for (const port of [port1, port2]) port.unref();
  port1.postMessage(buffer, [buffer]);
  const { message } = receiveMessageOnPort(port2);
  port1.close();
  return message;
}

function buffers() {
  const plain = new ArrayBuffer(3000);
  new Uint8Array(plain).fill(0x11);
  const slab = new ArrayBuffer(2048);
  const resizable = new ArrayBuffer(1000, { maxByteLength: 65536 });
  const growable = new SharedArrayBuffer(1024, { maxByteLength: 8192 });
  const given = new ArrayBuffer(2000);
  const received = give(given);
  return {
    pooled: repeated(5, (index) => Buffer.from('text in the pool, number ' + index)),
    alloc: Buffer.alloc(1000, 0xab),
    slow: Buffer.allocUnsafeSlow(5000).fill(0xcd),
    large: Buffer.alloc(300000, 0x5a),
    text: Buffer.from('a line of text\nand another\n'.repeat(8)),
    plain,
    bytes: new Uint8Array(plain),
    words: new Int32Array(plain, 8, 10),
    view: new DataView(plain, 100, 50),
    slab,
    slices: repeated(4, (index) => Buffer.from(slab, 512 * index, 256)),
    resizable,
    tracking: new Uint8Array(resizable, 100),
    growable,
    shared: new SharedArrayBuffer(4096),
    given,
    received,
    empty: new ArrayBuffer(0),
    emptyBuffer: Buffer.alloc(0),
    inHeap: Uint16Array.of(1, 2, 3, 0xbeef),
    floats: Float64Array.from({ length: 100 }, (_, index) => index / 4),
    bigs: BigInt64Array.of(-1n, 2n ** 40n, 3n, 4n, 5n, 6n, 7n, 8n, 9n),
    memory: option('wasm', false) ? new WebAssembly.Memory({ initial: 1, maximum: 2 }) : null,
  };
}

function strings() {
  const parent = fresh('the parent of which parts are taken: ' + 'abcdefghij'.repeat(20));
  return {
    oneByte: fresh('every character fits in one byte: \xe4\xf6\xfc'),
    twoByte: freshWide('a snowman \u2603 needs two bytes'),
    surrogates: freshWide('an astronaut \u{1f680} and a half \ud800.'),
    controls: fresh('tab\t, quote ", backslash \\, bell \x07, newline\n.'),
    parent,
    sliced: parent.slice(37, 77),
    rope: parent + fresh(' and a second half'),
    wideRope: parent + freshWide(' and a snowman \u2603'),
    external: Buffer.alloc(1100000, 'external ').toString('latin1'),
    wideExternal: Buffer.alloc(2200000, Buffer.from('wide\u2603', 'utf16le')).toString('utf16le'),
    copies: repeated(100, () => fresh('one hundred copies of this text')),
    wideCopies: repeated(50, () => freshWide('fifty copies of a snowman \u2603')),
    addresses: repeated(500, (index) => fresh('customer-' + String(index).padStart(4, '0') + '@example.test')),
  };
}

function collections() {
  const key = { name: 'key' };
  const holey = [1, , 'three'];
  const sparse = [];
  sparse[5] = 'five';
  sparse[4000000] = 'far away';
  return {
    map: new Map([['text', 1], [7, 'seven'], [key, { held: true }], [1.5, null], [NaN, undefined]]),
    set: new Set(['first', 2, key]),
    weakMap: new WeakMap([[key, 'weakly held']]),
    weakSet: new WeakSet([key]),
    key,
    holey,
    sparse,
    doubles: [0.5, 1.5, 2.5],
    holeyDoubles: [0.5, , 2.5],
    mixed: ['a', 2, null, undefined, true],
    sloppy: new Function('first', 'second', "first = 'changed'; return arguments;")('given', 'second', 3),
  };
}

const root = new MemoryRoot({ buffers: buffers(), strings: strings(), collections: collections() });
globalThis.memoryRoot = root;

const newSpaceUsed = (said) => said.heapSpaceStatistics.find((space) => space.space_name === 'new_space').space_used_size;

const ofProcess = () => ({
  execArgv: process.execArgv,
  uptime: process.uptime(),
  startedAt: performance.timeOrigin,
  cwd: process.cwd(),
  title: process.title,
  ppid: process.ppid,
  uid: process.getuid(),
  exitCode: process.exitCode,
  // Node.js has that from 16.14 on. The interval below is neither a request nor a handle of the others.
  activeResources: process.getActiveResourcesInfo?.() ??
    ['Timeout', ...[...process._getActiveRequests(), ...process._getActiveHandles()].map((it) => it.constructor.name)],
});

/** Writes the report over and over: all that it needs is there before the last time. */
function writeReport() {
  const file = option('report', '');
  if (!file) return;
  // Nothing is compiled anew while the last reports are written.
  for (const flag of ['--no-sparkplug', '--no-maglev', '--no-turbofan', '--expose-gc']) v8.setFlagsFromString(flag);
  // Buffers that one collection finds dead are freed in the background, and subtracted by the next.
  const collect = vm.runInNewContext('gc');
  collect();
  collect();
  let before = 0, grown = 0;
  for (let round = 0; round < 30; round++) {
    const said = report({ newSpacePerReport: grown, ...ofProcess() });
    grown = newSpaceUsed(said) - before;
    before = newSpaceUsed(said);
    fs.writeFileSync(file, JSON.stringify(said, null, 1) + '\n');
  }
}

if (require.main === module) {
  process.exitCode = 7;
  // What keeps the event loop alive.
  net.createServer().listen(0);
  net.createServer().listen(0);
  setInterval(() => {}, 1e9);
  hold.last = writeReport;
  hold({});
}

module.exports = { ready: async () => root };
