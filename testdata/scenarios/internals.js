'use strict';
/*
 * One object of as many of V8's own classes as a program can bring about, and objects that are held in ways which only
 * V8 knows: by the cells of a registry, the reactions of a promise, the variables of a module.
 *
 * What a version of Node.js lacks is left out of `made`.
 */
const inspector = require('inspector');
const vm = require('vm');
const { AsyncLocalStorage } = require('async_hooks');
const { hold } = require('./hold');

/** Holds everything; `held` are the objects whose holders are known. */
class Internals {
  constructor() {
    this.magic = 'internals';
    this.made = {};
  }
}

/** An object that one holder in particular holds. */
class Held {
  constructor(by) { this.by = by; }
}

const internals = new Internals();
globalThis.internals = internals;
const { made } = internals;

/** Adds what `make` makes, if this Node.js can. */
function add(name, make) {
  try {
    const value = make();
    if (value !== undefined) made[name] = value;
  } catch (error) {
    made[name] = error.message;
  }
}

// ECMA-402.
for (const name of ['Collator', 'NumberFormat', 'DateTimeFormat', 'PluralRules', 'ListFormat', 'RelativeTimeFormat', 'Segmenter', 'DurationFormat']) {
  if (Intl[name]) add('intl' + name, () => new Intl[name]('en'));
}
add('intlDisplayNames', () => new Intl.DisplayNames('en', { type: 'region' }));
add('intlLocale', () => new Intl.Locale('de-CH'));
add('intlSegments', () => made.intlSegmenter.segment('ab'));
add('intlSegmentIterator', () => { const it = made.intlSegments[Symbol.iterator](); it.next(); return it; });
add('intlSegment', () => made.intlSegments.containing(0));
add('intlFormat', () => made.intlNumberFormat.format);
if (Intl.v8BreakIterator) add('intlBreakIterator', () => { const it = new Intl.v8BreakIterator('en'); it.adoptText('ab c'); return it; });
if (globalThis.Temporal) {
  add('temporalInstant', () => Temporal.Instant.fromEpochMilliseconds(0));
  add('temporalPlainDate', () => new Temporal.PlainDate(2020, 2, 3));
  add('temporalDuration', () => new Temporal.Duration(1));
  add('temporalZoned', () => new Temporal.ZonedDateTime(0n, 'UTC'));
}

// WebAssembly: a module that imports and exports, but has no memory: V8 reserves gigabytes for each, and gdb writes them.
const wasm = Uint8Array.from([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  0x01, 0x09, 0x02, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x60, 0x00, 0x00,
  0x02, 0x07, 0x01, 0x01, 0x6d, 0x01, 0x66, 0x00, 0x00,
  0x03, 0x02, 0x01, 0x00,
  0x04, 0x04, 0x01, 0x70, 0x00, 0x04,
  0x06, 0x06, 0x01, 0x7f, 0x01, 0x41, 0x2a, 0x0b,
  0x07, 0x10, 0x03, 0x01, 0x74, 0x01, 0x00, 0x01, 0x67, 0x03, 0x00, 0x04, 0x63, 0x61, 0x6c, 0x6c, 0x00, 0x01,
  0x09, 0x07, 0x01, 0x00, 0x41, 0x00, 0x0b, 0x01, 0x01,
  0x0a, 0x08, 0x01, 0x06, 0x00, 0x20, 0x00, 0x10, 0x00, 0x0b,
]);
add('wasmModule', () => new WebAssembly.Module(wasm));
add('wasmInstance', () => new WebAssembly.Instance(made.wasmModule, { m: { f: (n) => n + 1 } }));
add('wasmCalled', () => made.wasmInstance.exports.call(6));
add('wasmTable', () => new WebAssembly.Table({ element: 'anyfunc', initial: 2 }));
add('wasmGlobal', () => new WebAssembly.Global({ value: 'i64', mutable: true }, 5n));
add('wasmReference', () => new WebAssembly.Global({ value: 'externref', mutable: true }, new Held('a global of WebAssembly')));
add('wasmTag', () => new WebAssembly.Tag({ parameters: ['i32'] }));
add('wasmException', () => new WebAssembly.Exception(made.wasmTag, [1]));

// A structure and an array of WebAssembly's own.
const gc = Uint8Array.from([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  0x01, 0x15, 0x04, 0x5f, 0x02, 0x7f, 0x01, 0x6f, 0x01, 0x5e, 0x7f, 0x01, 0x60, 0x01, 0x6f, 0x01, 0x64, 0x00, 0x60, 0x00, 0x01, 0x64, 0x01,
  0x03, 0x03, 0x02, 0x02, 0x03,
  0x07, 0x10, 0x02, 0x06, 0x73, 0x74, 0x72, 0x75, 0x63, 0x74, 0x00, 0x00, 0x03, 0x61, 0x72, 0x72, 0x00, 0x01,
  0x0a, 0x15, 0x02, 0x09, 0x00, 0x41, 0x07, 0x20, 0x00, 0xfb, 0x00, 0x00, 0x0b, 0x09, 0x00, 0x41, 0x03, 0x41, 0x04, 0xfb, 0x06, 0x01, 0x0b,
]);
if (Number(process.versions.node.split('.')[0]) >= 22) {
  add('wasmGc', () => new WebAssembly.Instance(new WebAssembly.Module(gc)));
  add('wasmStruct', () => made.wasmGc.exports.struct(new Held('a structure of WebAssembly')));
  add('wasmArray', () => made.wasmGc.exports.arr());
}

// Weakness.
internals.watched = new Held('the program, and weakly a registry');
internals.token = { token: 'unregister' };
internals.registry = new FinalizationRegistry(() => {});
internals.registry.register(internals.watched, new Held('holdings of a registry'), internals.token);
internals.registry.register(internals.watched, 'again');
internals.weakRef = new WeakRef(internals.watched);
internals.weakMap = new WeakMap([[internals.watched, new Held('value of a WeakMap')]]);
internals.weakSet = new WeakSet([internals.watched]);

// Functions and what they keep.
add('mapped', function () { return (0, eval)('(function (a, b) { return arguments; })')(new Held('an argument of arguments'), 2); });
add('strict', function () { return (function () { return arguments; })(1, 2); });
add('bound', () => function () {}.bind(new Held('bound this'), new Held('bound argument')));
add('tagged', () => { const tag = (strings) => strings; return tag`cooked \u0041 ${1} end`; });
class Features {
  static #count = 1;
  #secret = new Held('private member');
  static { Features.block = 'static block'; }
  static count() { return Features.#count++; }
  get secret() { return this.#secret; }
  [Symbol('computed')]() {}
  get [Symbol.toStringTag]() { return 'Features'; }
}
add('features', () => new Features());
add('generator', () => { const g = (function* (kept) { yield 1; return kept; })(new Held('local of a generator')); g.next(); return g; });
add('asyncGenerator', () => {
  const g = (async function* () { await new Promise(() => {}); yield 1; })();
  internals.requests = [g.next(), g.next(new Held('request to an async generator'))];
  return g;
});
add('fromSync', () => { const g = (async function* () { for await (const n of [new Promise(() => {})]) yield n; })(); g.next(); return g; });
internals.never = new Promise(() => {});
internals.waiting = (async (kept) => { await internals.never; return kept; })(new Held('local of an async function'));
internals.reacting = new Promise(() => {});
const reaction = new Held('variable of a reaction');
internals.reacted = internals.reacting.then(() => reaction);
class OwnPromise extends Promise {}
internals.capable = new OwnPromise(() => {});
internals.capable.then(() => {}, () => {});
internals.storage = new AsyncLocalStorage();
internals.storage.run(new Held('asynchronous context'), () => { internals.contextual = internals.reacting.then(function contextual() {}); });

// Iterators.
add('arrayIterator', () => [1, 2][Symbol.iterator]());
add('mapIterator', () => new Map([[1, 2]]).entries());
add('setIterator', () => new Set([1]).values());
add('stringIterator', () => 'ab'[Symbol.iterator]());
add('regexpIterator', () => 'aba'.matchAll(/a/g));
if (globalThis.Iterator && Iterator.prototype.map) {
  for (const [name, argument] of [['map', (x) => x], ['filter', (x) => x], ['take', 1], ['drop', 1], ['flatMap', (x) => [x]]]) {
    add('iterator' + name, () => [1, 2].values()[name](argument));
  }
  add('iteratorFrom', () => Iterator.from({ next() { return { done: true }; } }));
  if (Iterator.concat) add('iteratorConcat', () => Iterator.concat([1], [2]));
}

// Buffers.
add('shared', () => new SharedArrayBuffer(16));
add('resizable', () => new ArrayBuffer(16, { maxByteLength: 64 }));
add('tracking', () => new Uint8Array(made.resizable));
add('trackingView', () => new DataView(made.resizable));
add('growable', () => new SharedArrayBuffer(16, { maxByteLength: 64 }));
add('view', () => new DataView(new ArrayBuffer(8)));
add('detached', () => { const buffer = new ArrayBuffer(8); const view = new Uint8Array(buffer); structuredClone(buffer, { transfer: [buffer] }); return view; });

// Odds and ends.
add('revocable', () => Proxy.revocable(new Held('target of a proxy'), {}));
add('wrapper', () => Object(Symbol('wrapped')));
add('rawJson', () => JSON.rawJSON && JSON.rawJSON('1'));
add('frozen', () => Object.freeze([new Held('element of a frozen array'), 'x']));
add('sparse', () => { const a = []; a[1000000] = new Held('element of a sparse array'); return a; });
add('dictionary', () => { const o = Object.create(null); for (let i = 0; i < 50; i++) o['k' + i] = i; o.kept = new Held('property of a dictionary'); delete o.k7; return o; });
add('numbers', () => ({ number: 1234.5678, big: 123456789012345678901234567890n, name: 'a text that nobody else holds' }));
add('keyed', () => new Map([['a key that nobody else holds', 9876.54321], [new Held('key of a Map'), 2]]));
add('enumerated', () => { const keys = []; for (const k in { a1: 1, a2: 2, a3: 3 }) keys.push(k); return keys; });
add('sites', () => {
  const before = Error.prepareStackTrace;
  Error.prepareStackTrace = (_, sites) => sites;
  const { stack } = new Error('sites');
  Error.prepareStackTrace = before;
  return stack;
});
add('error', () => new Error('unread stack'));
add('matched', () => /(?<year>\d+)-(?<month>\d+)/d.exec('on 2012-05'));
add('atom', () => { const re = /plain/; re.test('plain'); return re; });
if (globalThis.DisposableStack) {
  add('disposable', () => { const stack = new DisposableStack(); stack.defer(() => {}); return stack; });
  add('asyncDisposable', () => { const stack = new AsyncDisposableStack(); stack.defer(() => {}); return stack; });
}
add('context', () => vm.createContext({ given: new Held('a context') }));
add('script', () => new vm.Script('globalThis.answer', { filename: 'answer.vm' }));
add('evaluated', () => new Function('f', 'eval("var byEval = f"); return function inEval() { return byEval; };')(new Held('a variable of eval')));

/** Counts how often it ran, so that it can be optimised. */
function hot(n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += i % 7;
  return sum;
}
for (let i = 0; i < 300; i++) hot(1000);

function breakable() { return 1; }
const session = new inspector.Session();
session.connect();
internals.session = session;

const source = 'export class InModule { constructor() { this.where = "module"; } } export let live = new InModule(); export default 5; export * as self from "node:path";';
import('data:text/javascript,' + encodeURIComponent(source)).then((namespace) => {
  internals.namespace = namespace;
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  breakable();
  session.post('Debugger.enable');
  session.post('Debugger.setBreakpointByUrl', { lineNumber: breakable.toString().length ? 1 : 0, urlRegex: 'answer' });
  queueMicrotask(function queued() {});
  Promise.resolve(new Held('a resolved promise')).then(function settled() {});
  hold();
}).catch((error) => { console.error(error); process.exit(1); });
