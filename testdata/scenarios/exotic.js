'use strict';
/*
 * The kinds of value that a program seldom looks at and an engineer on call often does: errors nobody has read the
 * stack of, promises and what waits for them, suspended functions, buffers in all their states, and whatever else the
 * running version of Node.js has.
 *
 * Everything hangs off `globalThis.exotic`, the only instance of class Exotic; exotic.expected.json says what each is.
 * What the running version lacks is left out.
 */
const vm = require('vm');
const { hold } = require('./hold');

class Exotic { constructor() { this.magic = 'seldom looked at'; } }
const exotic = globalThis.exotic = new Exotic();
const has = (name) => name in globalThis;
const tick = () => new Promise((resolve) => setImmediate(resolve));

// -------------------------------------------------------------------------------------------------- errors
// Each of the twins is made twice, at the same place; of the first the stack is never read.
class Order {
  constructor(make) { if (make) this.error = make(); }
  ship(make) { return make(); }
  get total() { return fromGetter(); }
  static open(make) { return make(); }
  #secret(make) { return make(); }
  reveal(make) { return this.#secret(make); }
}
class Refused extends Error { constructor(message) { super(message); this.name = 'Refused'; this.code = 'E_REFUSED'; } }
class Derived extends Order {}
function OldStyle(make) { this.error = make(); }
OldStyle.prototype.assigned = function (make) { return make(); };
OldStyle.prototype.renamed = function original(make) { return make(); };
let fromGetter;
const makeError = () => new RangeError('made here');
const order = new Order(null);
const places = {
  plain: () => makeError(),
  method: () => order.ship(makeError),
  derivedMethod: () => new Derived(null).ship(makeError),
  staticMethod: () => Order.open(makeError),
  privateMethod: () => order.reveal(makeError),
  getter: () => { fromGetter = makeError; return order.total; },
  construction: () => new Order(makeError).error,
  oldStyle: () => new OldStyle(makeError).error,
  assigned: () => OldStyle.prototype.assigned.call(Object.create(OldStyle.prototype), makeError),
  renamed: () => OldStyle.prototype.renamed.call(Object.create(OldStyle.prototype), makeError),
  anonymous: () => (function () { return makeError(); })(),
  arrowInObject: () => ({ go: () => makeError() }).go(),
  literalMethod: () => ({ go() { return makeError(); } }).go(),
  computedMethod: () => ({ ['a b']() { return makeError(); } })['a b'](),
  symbolMethod: () => ({ [Symbol('s')]() { return makeError(); } })[Object.getOwnPropertySymbols({ [Symbol.iterator]: 0 })[0]]?.() ?? makeError(),
  builtin: () => [1].map(makeError)[0],
  builtinMethod: () => [1].map(order.ship.bind(order, makeError))[0],
  reduce: () => [1, 2].reduce(() => makeError()),
  replace: () => { let error; 'x'.replace(/x/, () => { error = makeError(); return ''; }); return error; },
  sort: () => { let error; [2, 1].sort(() => { error ??= makeError(); return 0; }); return error; },
  json: () => { let error; JSON.stringify({ toJSON() { error = makeError(); } }); return error; },
  reflect: () => Reflect.apply(order.ship, undefined, [makeError]),
  construct: () => Reflect.construct(Order, [makeError]).error,
  proxied: () => new Proxy(order, {}).ship(makeError),
  onPrimitive: () => { Number.prototype.shipNumber = function shipNumber(make) { return make(); }; try { return (5).shipNumber(makeError); } finally { delete Number.prototype.shipNumber; } },
  onString: () => { String.prototype.shipString = function (make) { return make(); }; try { return 'x'.shipString(makeError); } finally { delete String.prototype.shipString; } },
  sloppy: new Function('make', 'return function sloppy() { return make(); }')(makeError),
  evaluated: () => eval('makeError()'),
  evaluatedDeep: () => eval('(function inEval() { return eval("makeError()"); })()'),
  made: new Function('make', 'return () => make()')(makeError),
  script: () => vm.runInThisContext('(make) => make()', { filename: 'given-name.js', lineOffset: 9, columnOffset: 4 })(makeError),
  named: () => vm.runInThisContext('(make) => make()\n//# sourceURL=by-comment.js', {})(makeError),
  custom: () => new Refused('custom class'),
  noMessage: () => new Error(),
  multiline: () => new Error('first line\nsecond line'),
  named2: () => Object.assign(new Error('renamed'), { name: 'Renamed' }),
  emptyName: () => Object.assign(new Error('no name'), { name: '' }),
  unicode: () => new TypeError('caf\u00e9 \u4f60\u597d'),
  aggregate: () => new AggregateError([new Error('one'), new Error('two')], 'several'),
  cause: () => new Error('outer', { cause: new RangeError('inner') }),
  dictionary: () => { const error = new Error('in a dictionary'); delete error.message; for (let i = 0; i < 40; i++) error['k' + i] = i; for (let i = 0; i < 39; i++) delete error['k' + i]; error.message = 'set again'; return error; },
  captured: () => { const target = { name: 'Captured', message: 'no error at all' }; Error.captureStackTrace(target); return target; },
  capturedBelow: () => (function above() { const target = {}; Error.captureStackTrace(target, above); return target; })(),
  deep: () => (function deep(n) { return n === 0 ? makeError() : deep(n - 1); })(20),
  limited: () => { const limit = Error.stackTraceLimit; Error.stackTraceLimit = 2; try { return makeError(); } finally { Error.stackTraceLimit = limit; } },
  generator: () => (function* counting() { yield makeError(); })().next().value,
  iterator: () => { for (const error of { *[Symbol.iterator]() { yield makeError(); } }) return error; },
  spread: () => [...(function* () { yield makeError(); })()][0],
  bound: () => order.ship.bind(order)(makeError),
  callback: () => { let error; new Map([[1, 2]]).forEach(() => { error = makeError(); }); return error; },
  promise: () => { let error; new Promise(() => { error = makeError(); }); return error; },
  parameters: () => (function defaults(error = makeError()) { return error; })(),
  field: () => new (class Fielded { error = makeError(); })().error,
  staticField: () => class { static error = makeError(); }.error,
  staticBlock: () => { let error; class Blocked { static { error = makeError(); } } return error; },
  toStringTag: () => ({ get [Symbol.toStringTag]() { return 'Tagged'; }, ship: order.ship }).ship(makeError),
  node: () => { try { Buffer.alloc('no number'); } catch (error) { return error; } },
  tagged: () => ({ [Symbol.toStringTag]: 'TaggedByData', ship: order.ship }).ship(makeError),
};
exotic.twins = {};
for (const [name, make] of Object.entries(places)) {
  const pair = {};
  for (const which of ['unread', 'read']) pair[which] = make();
  pair.text = pair.read.stack;
  exotic.twins[name] = pair;
}
async function asyncTwin(name, make) {
  const pair = {};
  for (const which of ['unread', 'read']) pair[which] = await make();
  pair.text = pair.read.stack;
  exotic.twins[name] = pair;
}
async function failing() { await tick(); return makeError(); }
async function between() { return await failing(); }
async function inAll() { return (await Promise.all([1, failing()]))[1]; }
async function inSettled() { return (await Promise.allSettled([failing()]))[0].value; }
async function inAny() { return await Promise.any([failing()]); }
class Service { async call() { return await failing(); } static async callStatic() { return await failing(); } }
async function* streaming() { yield await failing(); }
async function consuming() { for await (const error of streaming()) return error; }

const noStack = () => { const limit = Error.stackTraceLimit; Error.stackTraceLimit = 0; try { return new Error('without stack'); } finally { Error.stackTraceLimit = limit; } };
exotic.errors = {
  unread: new TypeError('never read'),
  noStack: noStack(),
  replaced: Object.assign(new Error('stack replaced'), { stack: 'a text of the program' }),
  stackIsObject: Object.assign(new Error('stack is an object'), { stack: { frames: 3 } }),
  withoutStack: (() => { const error = new Error('stack deleted'); delete error.stack; return error; })(),
  cause: new Error('outer', { cause: new RangeError('inner') }),
  noCause: new Error('outer', { cause: undefined }),
  aggregate: new AggregateError([new Error('one'), 'two'], 'several'),
  frozen: Object.freeze(new Error('frozen')),
  messageGetter: Object.defineProperty(new Error('x'), 'message', { get() { return 'never run'; }, enumerable: false }),
  nullPrototype: Object.setPrototypeOf(new Error('without prototype'), null),
};
if (has('DOMException')) exotic.errors.dom = new DOMException('aborted by hand', 'AbortError');
if (has('SuppressedError')) exotic.errors.suppressed = new SuppressedError(new Error('the error'), new Error('the suppressed'), 'while disposing');

// ------------------------------------------------------------------------------------------------ promises
process.on('unhandledRejection', () => {});
const never = new Promise(() => {});
function onFulfilled() {}
function onRejected() {}
function onFinally() {}
class Deferred extends Promise { static get [Symbol.species]() { return Promise; } }
async function waiting(ticket) { const local = 'local ' + ticket; await exotic.promises.awaited; return local; }
async function waitingToo() { await exotic.promises.awaited; }
exotic.promises = {
  alone: new Promise(() => {}),
  thened: new Promise(() => {}), caught: new Promise(() => {}), finallied: new Promise(() => {}), many: new Promise(() => {}), awaited: new Promise(() => {}), combined: new Promise(() => {}), raced: new Promise(() => {}),
  handled: Promise.reject(new Error('handled')), unhandled: Promise.reject(new Error('unhandled')),
  subclass: new Deferred(() => {}),
  adopting: null,
};
const promises = exotic.promises;
promises.then = promises.thened.then(onFulfilled, onRejected);
promises.catch = promises.caught.catch(onRejected);
promises.finally = promises.finallied.finally(onFinally);
promises.manyFirst = promises.many.then(onFulfilled);
promises.manySecond = promises.many.then(undefined, onRejected);
promises.manyThird = promises.many.then();
promises.adopting = new Promise((resolve) => resolve(promises.alone.then(onFulfilled)));
promises.waiting = waiting(7);
promises.waitingToo = waitingToo();
promises.all = Promise.all([promises.combined, 1]);
promises.race = Promise.race([promises.raced, never]);
promises.handled.catch(() => {});
promises.resolvers = (() => { let resolve, reject; const promise = new Promise((a, b) => { resolve = a; reject = b; }); return { promise, resolve, reject }; })();
promises.subclassThen = promises.subclass.then(onFulfilled);
promises.extra = Object.assign(Promise.resolve('with a property'), { tag: 'named property' });

// ---------------------------------------------------------------------------------------------- generators
const shop = {
  name: 'shop',
  *items(first, second) { const captured = 'captured ' + first; const local = first + second; const peek = () => captured; yield local; yield peek; },
  async fetch(url) { const tries = 3; await never; return url + tries; },
  async *stream(from) { let at = from; for (;;) yield await (at++, never); },
};
function* pausing(a, b = 2) { let sum = a + b; try { sum += yield sum; sum += yield* inner(sum); } finally { sum = 0; } }
function* inner(n) { yield n * 2; }
function* delegating() { yield* [10, 20, 30]; }
exotic.generators = {
  fresh: pausing(1), paused: pausing(1), delegating: delegating(), closed: pausing(1), method: shop.items(4, 5), running: null,
  asyncFresh: shop.stream(1), asyncQueued: shop.stream(1), asyncClosed: (async function* () {})(),
  asyncMethod: shop.fetch('http://example.net/'),
  sloppy: new Function('a', 'return (function* sloppyGenerator() { yield a; })();')(3),
};
const generators = exotic.generators;
generators.paused.next(); generators.paused.next(10); generators.delegating.next(); generators.delegating.next(); generators.method.next();
generators.closed.return(1); generators.sloppy.next();
generators.requests = [generators.asyncQueued.next('first request'), generators.asyncQueued.next('second request'), generators.asyncQueued.return('third request')];
generators.asyncClosed.next();

// -------------------------------------------------------------------------------------------------- binary
const filled = (buffer, ...bytes) => { new Uint8Array(buffer).set(bytes); return buffer; };
/** A channel where the function is missing. */
function detach(buffer) {
  if (has('structuredClone')) structuredClone(buffer, { transfer: [buffer] });
  else { const { port1 } = new MessageChannel(); port1.postMessage(buffer, [buffer]); port1.close(); }
  return buffer;
}
const resizable = filled(new ArrayBuffer(8, { maxByteLength: 64 }), 1, 2, 3, 4, 5, 6, 7, 8);
const shrunk = filled(new ArrayBuffer(16, { maxByteLength: 16 }), 9, 8, 7, 6, 5, 4, 3, 2, 1);
const growable = filled(new SharedArrayBuffer(4, { maxByteLength: 4096 }), 0xca, 0xfe, 0xba, 0xbe);
const gone = new ArrayBuffer(12);
const transferred = new ArrayBuffer(5);
const ofChangingSize = () => ({
  resizable, growable, shrunk,
  tracking: new Uint8Array(resizable), trackingFrom: new Uint16Array(resizable, 2), fixed: new Uint8Array(resizable, 4, 4), trackingView: new DataView(resizable), fixedView: new DataView(resizable, 1, 2),
  outOfBounds: new Uint8Array(shrunk, 8, 8), outOfBoundsTracking: new Uint32Array(shrunk, 8), outOfBoundsView: new DataView(shrunk, 10, 2), inBounds: new Uint8Array(shrunk, 0, 2),
  grownTracking: new Uint8Array(growable), growableView: new DataView(growable),
});
exotic.binary = {
  gone, transferred, ...('resizable' in resizable ? ofChangingSize() : {}),
  goneArray: new Uint8Array(gone, 4), goneView: new DataView(gone, 2),
  buffer: Buffer.from('GET / HTTP/1.1\r\nHost: caf\u00e9\r\n\r\n', 'latin1'), sliced: Buffer.from('0123456789abcdef0123456789abcdef').subarray(10, 16), empty: Buffer.alloc(0),
  onHeap: new Uint8Array([1, 2, 3]), words: new Uint16Array([0x1234, 0xfeff]), bytes: Uint8Array.from({ length: 40 }, (_, i) => i + 50),
  withProperty: Object.assign(new Float64Array([0.5, -0]), { tag: 'on a typed array' }),
  large: new Uint8Array(300).fill(7),
};
if ('resizable' in resizable) { resizable.resize(12); shrunk.resize(4); growable.grow(8); }
detach(gone); detach(transferred);
if (has('Float16Array')) exotic.binary.halves = new Float16Array([1.5, 65504, NaN, -0, 6e-8]);

// --------------------------------------------------------------------------- proxies, functions and classes
function target(a, b) { return [this, a, b]; }
const revoke = (value) => { const { proxy, revoke } = Proxy.revocable(value, {}); revoke(); return proxy; };
class Account {
  static count = 3; static #hidden = 'static private'; static label() { return this.#hidden; } static get answer() { return 42; } static { this.fromBlock = true; }
  #balance = 100; #owner; name = 'account'; ['computed']= 1; [Symbol.for('tag')] = 'by symbol'; 7 = 'seven'; handler = () => this.#balance;
  constructor(owner) { this.#owner = owner; }
  #audit() { return this.#balance; } get #rate() { return 0.5; } set #rate(value) { this.#balance *= value; } get #only() { return 1; } static #helper() { return 1; }
  check() { this.#rate = this.#rate; return this.#audit() + this.#only + Account.#helper(); }
}
class Savings extends Account { #rate = 0.25; rate() { return this.#rate; } }
exotic.callables = {
  proxyOfProxy: new Proxy(new Proxy({ deep: true }, {}), {}), proxyOfFunction: new Proxy(target, {}), proxyOfClass: new Proxy(Account, {}), proxyOfArray: new Proxy([1, 2], {}), revoked: revoke({}), revokedFunction: revoke(target),
  bound: target.bind({ thisValue: 1 }, 1), boundTwice: target.bind(null, 1).bind(null, 2), boundClass: Account.bind(null, 'bound owner'), boundProxy: new Proxy(target, {}).bind('primitive this'), boundNative: Math.max.bind(null, 5), boundArrow: (() => 1).bind(null),
  class: Account, derived: Savings, account: new Account('alice'), savings: new Savings('bob'), staticOnly: class { static only = 'static'; },
  withProperties: Object.assign(function withProperties() {}, { a: 1, b: { c: 2 } }), named: Object.defineProperty(() => {}, 'name', { value: 'given name' }), nullProto: Object.setPrototypeOf(function noProto() {}, null),
};
exotic.callables.bound.tag = 'on a bound function';

// ----------------------------------------------------------------------------------------- ordinary objects
const sloppyArguments = new Function('a', 'b', 'const read = () => a; a = "changed"; delete arguments[1]; arguments[4] = "far"; arguments.tag = "named"; return arguments;');
const describe = (object, name, descriptor) => Object.defineProperty(object, name, descriptor);
exotic.objects = {
  mapped: sloppyArguments(1, 2, 3), strict: (function () { return arguments; })(1, 'two'),
  nullPrototype: Object.assign(Object.create(null), { a: 1 }), nullDictionary: (() => { const o = Object.create(null); for (let i = 0; i < 5; i++) o['z' + (9 - i)] = i; delete o.z9; return o; })(), nullEmpty: Object.create(null),
  dictionary: (() => { const o = {}; for (let i = 0; i < 30; i++) o['k' + (i * 7 % 30)] = i; for (let i = 0; i < 25; i++) delete o['k' + i]; o.last = 'last'; return o; })(),
  attributes: Object.defineProperties({}, { shown: { value: 1, enumerable: true, writable: true, configurable: true }, hidden: { value: 2, enumerable: false, writable: true, configurable: true }, readOnly: { value: 3, enumerable: true, writable: false, configurable: false }, hiddenGetter: { get() { return 1; }, enumerable: false }, [Symbol('hiddenSymbol')]: { value: 4, enumerable: false } }),
  accessors: { get both() { return 1; }, set both(v) {}, get only() { return 2; }, set write(v) {} },
  sparse: describe([], 'length', { value: 4000000000 }), sparseFilled: (() => { const a = []; a[3] = 'three'; a[1000000] = 'million'; a.length = 2000000; return a; })(), elementAccessor: describe([1, 2, 3], 1, { get() { return 'computed'; }, enumerable: true, configurable: true }), frozenArray: Object.freeze(['a', , 'c']),
  arrayWithProperties: Object.assign([1, 2, 3], { tag: 'named', [Symbol('s')]: 'by symbol' }), mapWithProperty: Object.assign(new Map([['k', 'v']]), { tag: 'named' }), dateWithProperty: Object.assign(new Date(0), { tag: 'named' }), regexpWithProperty: Object.assign(/x/g, { tag: 'named', lastIndex: 3 }), stringWithProperty: Object.assign(new String('boxed'), { tag: 'named', 7: 'beyond' }), symbolBoxed: Object(Symbol('boxed')), subclassedString: new (class Label extends String {})('label'),
  long: Array.from({ length: 500 }, (_, i) => i), longMap: new Map(Array.from({ length: 500 }, (_, i) => ['k' + i, i])), longSet: new Set(Array.from({ length: 500 }, (_, i) => i)), wide: Object.fromEntries(Array.from({ length: 300 }, (_, i) => ['w' + i, i])),
  mapKeys: new Map([['text', 1], [2, 'number'], [-0, 'zero'], [10n, 'bigint'], [null, 'null'], [undefined, 'undefined'], [true, 'true'], [NaN, 'nan'], [Symbol.for('sym'), 'symbol'], ['2', 'text two'], [{ id: 1 }, { nested: 'by object' }]]),
  cyclicMap: new Map(), inherits: Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } }), chain: new (class Leaf extends class Middle extends class Base {} {} {})(),
  prototype: Order.prototype, proto: { ['__proto__']: 'own property' }, global: globalThis, oddNames: { 'a b': 1, 'a\nb': 2, '\u202e': 3, '1.5': 4, '-1': 5, '4294967295': 6, '4294967294': 7 },
};
exotic.objects.cyclicMap.set('self', exotic.objects.cyclicMap);

// ------------------------------------------------------------------------------- weak things and collections
exotic.keys = { first: { id: 1 }, second: { id: 2 }, token: { id: 'token' }, symbol: Symbol('weak key') };
function cleanup(held) { return held; }
exotic.weak = { alive: new WeakRef(exotic.keys.first), map: new WeakMap([[exotic.keys.first, 'one']]), set: new WeakSet([exotic.keys.second]), registry: new FinalizationRegistry(cleanup), emptyRegistry: new FinalizationRegistry(cleanup) };
exotic.weak.registry.register(exotic.keys.first, 'held for first', exotic.keys.token);
exotic.weak.registry.register(exotic.keys.second, { held: 'an object' });
(() => { exotic.weak.dead = new WeakRef({ gone: true }); exotic.weak.registry.register({ soon: 'collected' }, 'held for the dead'); })();

// ----------------------------------------------------------------------------------------------- iterators
const numbers = [1, 2, 3, 4, 5];
exotic.iterators = {
  values: numbers.values(), keys: numbers.keys(), entries: numbers.entries(), done: [].values(), typed: new Uint8Array([5, 6]).values(), string: 'a\ud83d\ude80b'[Symbol.iterator](), matches: 'a1b2'.matchAll(/[a-z]\d/g),
  map: new Map([['a', 1], ['b', 2]]).entries(), mapKeys: new Map([['a', 1]]).keys(), mapValues: new Map([['a', 1]]).values(), set: new Set([1, 2]).values(), setEntries: new Set([1]).entries(), exhausted: new Set([1]).values(),
};
for (const name of ['values', 'entries', 'string', 'map']) exotic.iterators[name].next();
exotic.iterators.done.next(); [...exotic.iterators.exhausted];
function double(x) { return 2 * x; }
if (has('Iterator')) {
  const it = () => numbers.values();
  Object.assign(exotic.iterators, { mapped: it().map(double), filtered: it().filter(double), taken: it().take(3), dropped: it().drop(2), flat: it().flatMap((x) => [x, x]), wrapped: Iterator.from({ next() { return { done: true }; }, label: 'iterator by hand' }), finished: it().map(double) });
  exotic.iterators.mapped.next(); exotic.iterators.taken.next(); exotic.iterators.flat.next(); for (const _ of exotic.iterators.finished);
  if (Iterator.concat) { exotic.iterators.concatenated = Iterator.concat([1, 2], [3]); exotic.iterators.concatenated.next(); }
}
if (has('DisposableStack')) {
  const disposable = { name: 'resource', [Symbol.dispose]() {} };
  exotic.disposables = { stack: new DisposableStack(), disposed: new DisposableStack(), async: new AsyncDisposableStack() };
  exotic.disposables.stack.use(disposable); exotic.disposables.stack.adopt('handle', onFinally); exotic.disposables.stack.defer(onFulfilled);
  exotic.disposables.disposed.dispose(); exotic.disposables.async.use(disposable);
}
exotic.misc = { atomics: Atomics, reflect: Reflect, intl: Intl, wasm: WebAssembly };
if (JSON.rawJSON) exotic.misc.raw = JSON.rawJSON('12345678901234567890');

// --------------------------------------------------------------------------------------------- WebAssembly
/* (module (table (export "table") 3 7 funcref) (global (export "counter") (mut i32) (i32.const 41))
     (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
   No memory: each reserves ten gigabytes of addresses, which gcore would write out. */
const wasm = new WebAssembly.Module(Uint8Array.from([
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 7, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, 3, 2, 1, 0, 4, 5, 1, 0x70, 1, 3, 7, 6, 6, 1, 0x7f, 1, 0x41, 41, 0x0b,
  7, 25, 3, 5, 0x74, 0x61, 0x62, 0x6c, 0x65, 1, 0, 7, 0x63, 0x6f, 0x75, 0x6e, 0x74, 0x65, 0x72, 3, 0, 3, 0x61, 0x64, 0x64, 0, 0,
  10, 9, 1, 7, 0, 0x20, 0, 0x20, 1, 0x6a, 0x0b,
]));
const instance = new WebAssembly.Instance(wasm);
/** Nothing where WebAssembly has no such types yet. */
const ofReferences = (make) => { try { return make(); } catch { return undefined; } };
exotic.wasm = {
  module: wasm, instance, table: instance.exports.table, counter: instance.exports.counter, add: instance.exports.add, exports: instance.exports,
  ownTable: new WebAssembly.Table({ element: 'anyfunc', initial: 2 }), externTable: ofReferences(() => new WebAssembly.Table({ element: 'externref', initial: 2 }, 'cell')),
  i32: new WebAssembly.Global({ value: 'i32', mutable: true }, -5), i64: new WebAssembly.Global({ value: 'i64' }, -6n), f32: new WebAssembly.Global({ value: 'f32' }, 1.5), f64: new WebAssembly.Global({ value: 'f64', mutable: true }, 0.1), ref: ofReferences(() => new WebAssembly.Global({ value: 'externref', mutable: true }, { held: 'by wasm' })),
};
exotic.wasm.ownTable.set(1, instance.exports.add); instance.exports.counter.value = 99;
if (WebAssembly.Tag) { exotic.wasm.tag = new WebAssembly.Tag({ parameters: ['i32', 'f64'] }); exotic.wasm.exception = new WebAssembly.Exception(exotic.wasm.tag, [1, 2.5]); }
if (WebAssembly.Suspending) exotic.wasm.suspending = new WebAssembly.Suspending(async function suspended() {});

// --------------------------------------------------------------------------------------------------- dates
if (has('Temporal')) {
  const T = Temporal;
  exotic.temporal = {
    instant: T.Instant.from('2026-11-25T19:00:00.123456789Z'), date: T.PlainDate.from('2026-11-25'), time: T.PlainTime.from('19:05:06.007008009'), dateTime: T.PlainDateTime.from('1969-07-20T20:17:40'), yearMonth: T.PlainYearMonth.from('2024-02'), monthDay: T.PlainMonthDay.from('12-24'),
    duration: T.Duration.from({ years: 1, months: 2, weeks: 3, days: 4, hours: 5, minutes: 6, seconds: 7, milliseconds: 8, microseconds: 9, nanoseconds: 10 }), negative: T.Duration.from('-PT36H'), zoned: T.ZonedDateTime.from('2026-11-25T19:00:00+01:00[Europe/Berlin]'), utc: T.ZonedDateTime.from('2020-01-01T00:00:00Z[UTC]'), offset: T.ZonedDateTime.from('2020-01-01T00:00:00-02:30[-02:30]'), japanese: T.PlainDate.from('2019-05-01[u-ca=japanese]'), far: T.PlainDate.from('-271821-04-19'),
  };
}
exotic.intl = {
  collator: new Intl.Collator('de'), dateTime: new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC' }), names: new Intl.DisplayNames(['fr'], { type: 'region' }), list: new Intl.ListFormat('en', { style: 'short' }), locale: new Intl.Locale('zh-Hant-TW'), number: new Intl.NumberFormat('de-CH'), plural: new Intl.PluralRules('ar'), relative: new Intl.RelativeTimeFormat('es'), segmenter: new Intl.Segmenter('ja', { granularity: 'word' }),
};
exotic.intl.segments = exotic.intl.segmenter.segment('one two'); exotic.intl.segmentIterator = exotic.intl.segments[Symbol.iterator]();
if (Intl.DurationFormat) exotic.intl.duration = new Intl.DurationFormat('pt');

// ------------------------------------------------------------------------------------------ native objects
const { TextDecoder } = require('util');
exotic.natives = {
  hash: require('crypto').createHash('sha256'), blob: new (require('buffer').Blob)(['blob']), channel: new MessageChannel(), script: new vm.Script('1'), context: vm.createContext({ inside: 1 }), decoder: new TextDecoder(), emitter: new (require('events'))(), abort: new AbortController(), url: new URL('http://example.net/path'), socket: new (require('net').Socket)(), deflate: require('zlib').createDeflate(), key: require('crypto').createSecretKey(Buffer.from('0123456789abcdef')), performance, params: new URLSearchParams('a=1&b=2'),
};
exotic.natives.channel.port1.unref();

/** The root, once its last parts are there. */
async function ready() {
  await asyncTwin('async', failing);
  await asyncTwin('asyncBetween', between);
  await asyncTwin('asyncAll', inAll);
  await asyncTwin('asyncSettled', inSettled);
  await asyncTwin('asyncAny', inAny);
  await asyncTwin('asyncMethod', () => new Service().call());
  await asyncTwin('asyncStatic', () => Service.callStatic());
  await asyncTwin('asyncGenerator', consuming);
  exotic.modules = { plain: await import('data:text/javascript,export const answer = 42; export let changing = "let"; export default function () {}; export function named() {}; export class Exported {}; changing = "changed";') };
  exotic.modules.unborn = await new Promise((resolve) => {
    globalThis.giveNamespace = resolve;
    import('./exotic.mjs').catch(() => {});
  });
  delete globalThis.giveNamespace;
  // What was only weakly held has time to go.
  await tick(); await tick();
  return exotic;
}

module.exports = { ready };
if (require.main === module) ready().then(() => setImmediate(() => hold({})));
