'use strict';
/*
 * Objects behind which Node.js has C++ objects of its own, one of every kind that a program can make without a partner, and some
 * with one in the same process. `cargo xtask snapshot` holds what a heap snapshot of the core says of them, and of what they consist,
 * against what Node.js told V8.
 */
const { hold } = require('./hold');
const { Blob } = require('buffer');
const crypto = require('crypto');
const dgram = require('dgram');
const dns = require('dns');
const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const net = require('net');
const os = require('os');
const path = require('path');
const perf = require('perf_hooks');
const tls = require('tls');
const vm = require('vm');
const { BroadcastChannel, MessageChannel } = require('worker_threads');
const zlib = require('zlib');

/** What the running release does not have is left out. */
function attempt(make) {
  try {
    return make();
  } catch {
    return undefined;
  }
}

class Kept { constructor() { this.list = []; } }
globalThis.kept = new Kept();
const keep = (...made) => kept.list.push(...made);

function streams() {
  for (const make of [zlib.createDeflate, zlib.createGzip, zlib.createBrotliCompress, zlib.createZstdCompress]) {
    const stream = attempt(() => make({ level: 3 }));
    if (!stream) continue;
    stream.write('text '.repeat(500));
    keep(stream);
  }
  keep(zlib.createGunzip(), zlib.createBrotliDecompress());
}

function secrets() {
  for (let i = 0; i < 3; i++) keep(crypto.createHash('sha256').update('text ' + i));
  keep(crypto.createHmac('sha1', 'key'), crypto.createSecretKey(Buffer.alloc(24, 7)));
  keep(crypto.createCipheriv('aes-128-cbc', Buffer.alloc(16), Buffer.alloc(16)));
  keep(crypto.createSign('sha256'), crypto.createVerify('sha256'), crypto.createECDH('prime256v1'));
  keep(attempt(() => crypto.getDiffieHellman('modp5')), tls.createSecureContext());
  keep(crypto.generateKeyPairSync('ec', { namedCurve: 'prime256v1' }));
}

function others() {
  for (const size of [100, 5000]) keep(new Blob(['x'.repeat(size), Buffer.alloc(size)]));
  const channel = new MessageChannel();
  channel.port1.postMessage({ text: 'nobody reads it', bytes: new Uint8Array(40) });
  keep(channel, new BroadcastChannel('news'), new AbortController());
  keep(vm.createContext({ name: 'a' }), new vm.Script('1 + 1', { filename: 'sum.js' }));
  keep(attempt(() => new vm.SourceTextModule('export default 1')));
  const histogram = perf.createHistogram();
  histogram.record(5);
  keep(histogram, perf.monitorEventLoopDelay());
  keep(new dns.Resolver(), new net.BlockList());
  kept.list.at(-1).addAddress('10.0.0.1');
  keep(fs.watch(os.tmpdir()), attempt(() => fs.watchFile(path.join(os.tmpdir(), 'none'), { interval: 100000 }, () => {})));
  keep(process.hrtime.bigint, setTimeout(() => {}, 1e8));
  process.on('SIGUSR2', () => {});
  fs.open(__filename, () => {});
}

async function connections() {
  keep(await fs.promises.open(__filename));
  const datagrams = dgram.createSocket('udp4');
  await new Promise((done) => datagrams.bind(0, '127.0.0.1', done));
  keep(datagrams);
  const pipe = path.join(os.tmpdir(), `natives-${process.pid}`);
  const listening = net.createServer((socket) => keep(socket));
  await new Promise((done) => listening.listen(pipe, done));
  await new Promise((done) => keep(net.connect(pipe, done)));
  fs.unlinkSync(pipe);
  const plain = net.createServer((socket) => keep(socket));
  await new Promise((done) => plain.listen(0, '127.0.0.1', done));
  const socket = net.connect(plain.address().port, '127.0.0.1');
  await new Promise((done) => socket.once('connect', done));
  keep(plain, listening, socket, new tls.TLSSocket(net.connect(plain.address().port, '127.0.0.1')));
  const web = http.createServer((request) => keep(request));
  await new Promise((done) => web.listen(0, '127.0.0.1', done));
  const agent = new http.Agent({ keepAlive: true });
  keep(web, http.get({ port: web.address().port, host: '127.0.0.1', agent, path: '/never' }));
  const second = http2.createServer();
  second.on('stream', (stream) => { stream.respond(); stream.write('more to come'); keep(stream); });
  await new Promise((done) => second.listen(0, '127.0.0.1', done));
  const session = http2.connect(`http://127.0.0.1:${second.address().port}`);
  const request = session.request({ ':path': '/', 'x-name': 'value' });
  await new Promise((done) => request.once('data', done));
  keep(second, session, request);
}

streams();
secrets();
others();
connections().then(() => setTimeout(() => hold({ kept: kept.list.length }), 300));
