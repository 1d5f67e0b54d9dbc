'use strict';
/*
 * A process with something of every kind that it waits for: timers, immediates, ticks, microtasks, handles, requests, and async
 * functions suspended in chains of every shape. It says in its report, under `pending`, what Node.js says of that, and what the
 * program knows of itself: which callback, on which line of this file, after how many milliseconds, and who awaits whom.
 *
 * The threads of libuv's pool are kept busy by what does not end: pipes that nobody writes to, and keys that take for ever. So
 * what is given to the pool behind that stays in its queue.
 *
 *   --calls=N   so many calls of `handler` wait for the pool; 11 if not said
 *   --alone     without a worker, TLS and HTTP/2, whose modules make the core larger
 */
const childProcess = require('child_process');
const crypto = require('crypto');
const { AsyncLocalStorage } = require('async_hooks');
const dgram = require('dgram');
const dns = require('dns');
const fs = require('fs');
const http = require('http');
const net = require('net');
const os = require('os');
const path = require('path');
const timers = require('timers/promises');
const tty = require('tty');
const workers = require('worker_threads');
const zlib = require('zlib');
const { hold, option } = require('./hold.js');

const calls = Number(option('calls', 11));
const lines = fs.readFileSync(__filename, 'utf8').split('\n');
const keep = [];
const last = (list) => list[list.length - 1];

/** Where a line marked `@name` has `token`, as `line:column`. */
function place(name, token) {
  const line = lines.findIndex((text) => text.endsWith('// @' + name));
  return `${line + 1}:${lines[line].indexOf(token) + 1}`;
}

/** The line marked `@name`. */
const lineOf = (name) => lines.findIndex((text) => text.endsWith('// @' + name)) + 1;

// --- Timers, immediates, ticks ---

const started = [];

function timer(kind, callback, after, marker, refed = true) {
  const make = kind === 'interval' ? setInterval : setTimeout;
  const made = make(callback, after, 'argument');
  if (!refed) made.unref();
  started.push({ kind, after, line: lineOf(marker), refed, callback: callback.name });
  return made;
}

function beat() {} // @beat
function late() {} // @late
function never() {} // @never
function expire() {} // @expire
function rejectLater() {} // @rejectLater

function startTimers() {
  timer('timeout', late, 60000, 'late');
  timer('interval', beat, 45000, 'beat');
  timer('timeout', expire, 60000, 'expire', false);
  for (let n = 0; n < 10; n++) timer('timeout', rejectLater, 90001, 'rejectLater');
  clearTimeout(setTimeout(never, 50000));
  // Takes the largest there is.
  timer('timeout', late, 2 ** 31 - 1, 'late');
}

function soon() {} // @soon
function tick() {} // @tick
function micro() {} // @micro

function startTicks() {
  setImmediate(soon);
  setImmediate(soon, 1).unref();
  clearImmediate(setImmediate(never));
  process.nextTick(tick, 1);
  process.nextTick(tick, 2);
  queueMicrotask(micro);
  Promise.resolve().then(micro);
}

// --- Suspended functions ---

class Pool {
  waiting = [];

  acquire() {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

const pool = new Pool();

async function getUser(id) {
  const connection = await pool.acquire(); // @getUser
  return connection.query(id);
}

async function handler(id) {
  const user = await getUser(id); // @handler
  return user.name;
}

async function inner() {
  await pool.acquire(); // @inner
}

async function middle() {
  await inner(); // @middle
}

class Service {
  #secret = 1;

  static async load() {
    await middle(); // @load
  }

  async #fetch() {
    await pool.acquire(); // @fetch
    return this.#secret;
  }

  run = async () => {
    await this.#fetch(); // @run
  };
}

async function part() {
  await pool.acquire(); // @part
}

async function viaAll() {
  await Promise.all([part(), part(), 1]); // @viaAll
}

async function viaRace() {
  await Promise.race([part(), part()]); // @viaRace
}

async function viaAny() {
  await Promise.any([part(), Promise.reject(new Error('no'))]); // @viaAny
}

async function viaAllSettled() {
  await Promise.allSettled([part(), Promise.resolve(1)]); // @viaAllSettled
}

function onValue(value) { return value; } // @onValue
function onReason(reason) { return reason; } // @onReason
function onEnd() {} // @onEnd

async function viaThen() {
  await part().then(onValue).catch(onReason).finally(onEnd); // @viaThen
}

async function* rows() {
  await part(); // @rows
  yield 1;
}

async function viaForAwait() {
  for await (const row of rows()) keep.push(row); // @viaForAwait
}

const thenable = { then(resolve) { keep.push(resolve); } };

async function viaThenable() {
  await thenable; // @viaThenable
}

async function sleeper() {
  await timers.setTimeout(70000); // @sleeper
}

async function napper() {
  await new Promise((resolve) => setTimeout(() => resolve(), 80000)); // @napper
}

const answers = new Map();

async function asker(number) {
  await new Promise((resolve, reject) => answers.set(number, { resolve, reject })); // @asker
}

async function adopter() {
  return new Promise((resolve) => keep.push(resolve));
}

async function callsAdopter(adopted) {
  await adopted; // @callsAdopter
}

async function reader() {
  await fs.promises.readFile(__filename); // @reader
}

// Nothing settles it, and it is held: what waits for one that nobody holds is garbage.
const nothing = new Promise(() => {});
keep.push(nothing);

async function lost() {
  await nothing; // @lost
}

async function callsLost() {
  await lost(); // @callsLost
}

const shared = new Promise((resolve) => keep.push(resolve));

async function first() {
  await shared; // @first
}

async function second() {
  await shared; // @second
}

/** What each of them holds by itself, and what they hold together. */
const hoard = () => new Array(50000).fill(0.5);

async function hoarder(common) {
  const own = hoard();
  await pool.acquire(); // @hoarder
  return own.length + common.length;
}

function hoarders() {
  const common = hoard();
  return () => hoarder(common);
}

let open;
const gate = new Promise((resolve) => { open = resolve; });

async function left() {
  await gate; // @left
}

function* plain() {
  yield 1; // @plain
}

function suspend() {
  const expected = [];
  /** `links` from the inside out: an awaiting function with its marker, or how promises are tied together. */
  const start = (call, links, wakes, count = 1) => {
    for (let n = 0; n < count; n++) keep.push(call(n));
    expected.push({
      count,
      links: links.map((link) => {
        const [name, marker, token] = link.split(' ');
        return marker ? `${name} ${place(marker, token ?? 'await')}` : name;
      }),
      wakes,
    });
  };
  start(handler, ['getUser getUser', 'handler handler'], 'held', calls);
  start(Service.load, ['inner inner', 'middle middle', 'load load'], 'held');
  start(new Service().run, ['#fetch fetch', 'run run'], 'held');
  start(viaAll, ['part part', 'Promise.all', 'viaAll viaAll'], 'held');
  last(expected).count = 2;
  start(viaRace, ['part part', 'Promise.race', 'viaRace viaRace'], 'held');
  last(expected).count = 2;
  start(viaAny, ['part part', 'Promise.any', 'viaAny viaAny'], 'held');
  start(viaAllSettled, ['part part', 'Promise.allSettled', 'viaAllSettled viaAllSettled'], 'held');
  start(viaThen, ['part part', 'then', 'catch', 'finally', 'viaThen viaThen'], 'held');
  start(viaForAwait, ['part part', 'rows rows', 'viaForAwait viaForAwait row'], 'held');
  start(viaThenable, ['viaThenable viaThenable'], 'ready');
  start(sleeper, ['sleeper sleeper'], 'timer');
  start(napper, ['napper napper'], 'timer');
  start(asker, ['asker asker'], 'held', 3);
  start(() => callsAdopter(adopted), ['follows', 'callsAdopter callsAdopter'], 'held');
  start(callsLost, ['lost lost', 'callsLost callsLost'], 'orphan');
  start(hoarders(), ['hoarder hoarder'], 'held', 3);
  last(expected).bytes = 4 * 50000 * 8;
  start(first, ['first first'], 'held');
  start(second, ['second second'], 'held');
  expected.push({ count: 1, links: [`left ${place('left', 'await')}`, 'follows'], wakes: 'cycle' });
  const generator = plain();
  generator.next();
  keep.push(generator);
  return expected;
}

// --- Handles and requests ---

const handles = [];
/** Has come to its end with a promise that is not settled. */
let adopted;
/** A connection that is closed in the last turn. */
let closing;

function onConnection(socket) { keep.push(socket); } // @onConnection
function onData() {} // @onData
function onRequest() {} // @onRequest
function onMessage() {} // @onMessage
function onChange() {} // @onChange
function onOutput() {} // @onOutput

function onSecure() {} // @onSecure
function onStream() {} // @onStream
function onStat() {} // @onStat
function onDone() {} // @onDone

const listening = (server, ...where) => new Promise((resolve) => server.listen(...where, () => resolve(server)));
const connected = (...where) => new Promise((resolve) => {
  const socket = net.connect(...where, () => resolve(socket));
});

async function openHandles() {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pending-'));
  const server = await listening(net.createServer(onConnection), 0, '127.0.0.1');
  keep.push(server);
  for (let n = 0; n < 3; n++) {
    const socket = await connected(server.address().port, '127.0.0.1');
    socket.on('data', onData);
    // Asked for, so that it is remembered.
    socket.address();
    socket.remoteAddress;
    keep.push(socket);
  }
  last(keep).unref();
  closing = await connected(server.address().port, '127.0.0.1');
  const web = await listening(http.createServer(onRequest), 0, '127.0.0.1');
  const pipe = await listening(net.createServer(onConnection), path.join(directory, 'socket'));
  const piped = await connected(path.join(directory, 'socket'));
  piped.on('data', onData);
  const udp = dgram.createSocket('udp4');
  udp.on('message', onMessage);
  await new Promise((resolve) => udp.bind(0, '127.0.0.1', resolve));
  const watcher = fs.watch(directory, onChange);
  // It ends when its input does, with this process.
  const child = childProcess.spawn('cat', [], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdout.on('data', onOutput);
  process.on('SIGUSR2', onChange);
  // An agent keeps this connection when the answer is there.
  const answering = await listening(http.createServer((request, response) => response.end('yes')), 0, '127.0.0.1');
  const agent = new http.Agent({ keepAlive: true, timeout: 100000 });
  await new Promise((resolve) => {
    http.get({ agent, port: answering.address().port, host: '127.0.0.1' }, (response) => {
      response.resume().once('end', () => setImmediate(resolve));
    });
  });
  const terminal = new tty.ReadStream(fs.openSync('/dev/ptmx', 'r+'));
  terminal.on('data', onData);
  fs.watchFile(__filename, { interval: 77777 }, onStat);
  keep.push(web, pipe, piped, udp, watcher, child, answering, agent, terminal);
  return directory;
}

async function openSecure() {
  const tls = require('tls');
  const http2 = require('http2');
  // A key that both know, and no certificate.
  const psk = { ciphers: 'PSK', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' };
  const key = Buffer.alloc(32, 1);
  const secure = await listening(tls.createServer({ ...psk, pskCallback: () => key }, onSecure), 0, '127.0.0.1');
  const secured = await new Promise((resolve) => {
    const socket = tls.connect({
      ...psk, port: secure.address().port, host: '127.0.0.1', checkServerIdentity() {},
      pskCallback: () => ({ psk: key, identity: 'one' }),
    }, () => resolve(socket));
  });
  secured.on('data', onData);
  const second = await listening(http2.createServer(onStream), 0, '127.0.0.1');
  const session = http2.connect(`http://127.0.0.1:${second.address().port}`);
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  const stream = session.request({ ':path': '/' });
  stream.on('response', onData);
  keep.push(secure, secured, second, session, stream);
}

// --- The pool of threads ---

/** Whether files are the kernel's: libuv has given it a thread for what it is asked. */
function kernelHasFiles() {
  const name = (thread) => fs.readFileSync(`/proc/self/task/${thread}/comm`, 'utf8');
  return fs.readdirSync('/proc/self/task').some((thread) => name(thread).startsWith('iou-sqp'));
}

/** What keeps all threads of the pool busy, and then what waits behind that. */
function fillPool(directory) {
  const running = [];
  const queued = [];
  const kernel = [];
  const forFiles = kernelHasFiles() ? kernel : running;
  for (let n = 0; n < 2; n++) {
    const fifo = path.join(directory, 'fifo' + n);
    childProcess.execFileSync('mkfifo', [fifo]);
    fs.open(fifo, 'r', onDone);
    forFiles.push({ kind: 'fs', operation: 'open', path: fifo });
    for (let keys = forFiles === kernel ? 2 : 1; keys > 0; keys--) {
      crypto.pbkdf2('secret', 'salt', 2 ** 31 - 1, 64, 'sha512', onDone);
      running.push({ kind: 'crypto' });
    }
  }
  crypto.randomBytes(1 << 16, onDone);
  queued.push({ kind: 'crypto' });
  zlib.deflate(Buffer.alloc(1 << 16), onDone);
  queued.push({ kind: 'zlib' });
  const gzip = zlib.createGzip();
  gzip.write('text');
  keep.push(gzip);
  queued.push({ kind: 'zlib' });
  return { running, queued, slow: [], kernel, files: forFiles === kernel ? kernel : queued };
}

/** Settled promises, to be told apart by what they have become. */
class Ticket {}

function settle() {
  for (let n = 0; n < 7; n++) keep.push(Promise.resolve(new Ticket()));
  for (let n = 0; n < 5; n++) {
    const failed = Promise.reject(new RangeError('ticket ' + n));
    // Two of them nobody handles.
    if (n < 3) failed.catch(onReason);
    keep.push(failed);
  }
  return { fulfilled: 7, rejected: 5, unhandled: 2 };
}

// --- A worker ---

function beatOfWorker() {} // @beatOfWorker

function work() {
  setInterval(beatOfWorker, 66666);
  workers.parentPort.on('message', onMessage);
  const server = net.createServer(onConnection).listen(0, '127.0.0.1', () => {
    workers.parentPort.postMessage({
      handles: process._getActiveHandles().map(describe),
      requests: process._getActiveRequests().length,
      resources: process.getActiveResourcesInfo?.(),
      argv: process.argv.slice(2),
      line: lineOf('beatOfWorker'),
    });
  });
  keep.push(server);
}

async function startWorker() {
  const worker = new workers.Worker(__filename, { argv: ['--role=helper'], name: 'helper' });
  const said = await new Promise((resolve) => worker.once('message', resolve));
  keep.push(worker);
  return { threadId: worker.threadId, name: 'helper', file: __filename, ...said };
}

function startRequests(pool) {
  fs.stat(__filename, onChange);
  pool.files.push({ kind: 'fs', operation: 'stat', path: __filename });
  fs.readdir(__dirname, onChange);
  pool.queued.push({ kind: 'fs', operation: 'scandir', path: __dirname });
  for (const host of ['localhost', '127.0.0.1.nip.invalid']) {
    dns.lookup(host, onMessage);
    pool.slow.push({ kind: 'dns', host });
  }
  dns.lookupService('127.0.0.1', 80, onMessage);
  pool.slow.push({ kind: 'dns' });
  const resolver = new dns.Resolver();
  resolver.setServers(['192.0.2.1']);
  resolver.resolve4('name.invalid', onMessage);
  keep.push(resolver);
  keep.push(net.connect(9, '192.0.2.1').on('error', onData));
}

/** What can be said of a handle by a program. */
function describe(handle) {
  const native = handle._handle ?? handle[Object.getOwnPropertySymbols(handle).find((symbol) =>
    symbol.description === 'state symbol')]?.handle;
  const address = handle.address && !handle.listening ? undefined : handle._connectionKey;
  return {
    constructor: handle.constructor.name,
    fd: typeof native?.fd === 'number' && native.fd >= 0 ? native.fd : undefined,
    connectionKey: address,
    pid: handle.pid,
    local: handle._sockname?.port,
    peer: handle._peername?.port,
  };
}

async function main() {
  const alone = option('alone', false);
  // What libuv does with files it decides at the first one.
  await fs.promises.stat(__filename);
  const worker = alone ? undefined : await startWorker();
  const storage = new AsyncLocalStorage();
  // It waits for itself.
  const waiting = left();
  open(waiting);
  adopted = adopter();
  keep.push(waiting);
  const directory = await openHandles();
  if (!alone) await openSecure();
  // The connections that have been accepted.
  while (keep.filter((object) => object instanceof net.Socket).length < 9) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Everything from here on happens in one turn.
  startTimers();
  const pool = fillPool(directory);
  const promises = settle();
  const chains = storage.run({ id: 'R-17' }, suspend);
  startRequests(pool);
  startTicks();
  closing.destroy();
  const active = process._getActiveHandles();
  for (const handle of active) handles.push(describe(handle));
  const requests = process._getActiveRequests();
  keep.push(reader());
  // Which work that is differs from release to release.
  pool.files.push({ kind: 'fs', reads: true });
  delete pool.files;
  hold({
    pending: {
      timers: started,
      sleeping: [70000],
      napping: [80000],
      immediates: [{ line: lineOf('soon'), refed: true }, { line: lineOf('soon'), refed: false }],
      ticks: [{ line: lineOf('tick') }, { line: lineOf('tick') }],
      handles,
      // Two that connected to the server and keep the process alive, one to the pipe, one that is to connect, a terminal, one with TLS.
      listening: active.filter((handle) => ['data', 'error'].some((event) =>
        handle.listeners?.(event).includes(onData))).length,
      requests: requests.map((request) => request.constructor.name),
      resources: process.getActiveResourcesInfo?.(),
      chains,
      pool,
      promises,
      // In the order in which they were given: what has failed, what Promise.all and its kin are given that is settled already.
      microtasks: [
        ...Array(3).fill(`rejected catch onReason ${lineOf('onReason')}`),
        'fulfilled all', 'rejected any', 'fulfilled all',
        `thenable then ${lines.findIndex((line) => line.startsWith('const thenable')) + 1}`,
        `callback micro ${lineOf('micro')}`, `fulfilled then micro ${lineOf('micro')}`,
      ],
      worker,
      now: Number(process.hrtime.bigint() / 1000000n),
      file: path.basename(__filename),
    },
  });
}

if (workers.isMainThread) main();
else work();
