'use strict';
/*
 * One of nearly every kind of JavaScript value, and populations of known size.
 *
 * Everything hangs off `globalThis.kinds`, the only instance of class Kinds, in groups: `kinds.numbers.tiny`,
 * `kinds.arrays.holeySmi`. kinds.expected.json says what each is; `node verify.js kinds` holds the two together
 * by asking the running program itself.
 *
 *   --population=N   the base of the populations (default 6000, a multiple of 60)
 */
const vm = require('vm');
const { hold, option } = require('./hold');

const N = Number(option('population', 6000));

class Kinds { constructor() { this.magic = 'every kind of value'; } }
const kinds = globalThis.kinds = new Kinds();

// ------------------------------------------------------------------------------------------------- classes
class Point { constructor(x, y) { this.x = x; this.y = y; } }                        // Smi fields
class Vector { constructor(dx, dy) { this.dx = dx + 0.5; this.dy = dy + 0.125; } }   // double fields
class Shape { constructor(id) { this.id = id; this.colour = ['red', 'green', 'blue'][id % 3]; } }
class Circle extends Shape { constructor(id) { super(id); this.radius = id / 4; } }
class Ring extends Circle { constructor(id) { super(id); this.inner = id % 2 === 0; } }
class Empty {}
class Defaulted { first = 1; second = 'two'; static registry = 'static value'; ['computed' + 3] = 3; }
class Locked {
  #combination; #attempts = 0; label;
  constructor(n) { this.#combination = 'c-' + n; this.label = 'lock ' + n; }
  attempt(x) { this.#attempts++; return x === this.#combination; }
}
class Thermometer {
  constructor(celsius) { this.celsius = celsius; }
  get fahrenheit() { return this.celsius * 9 / 5 + 32; }
  set fahrenheit(f) { this.celsius = (f - 32) * 5 / 9; }
}
function OldStyle(name) { this.name = name; this.since = 1995; }
OldStyle.prototype.greet = function () { return this.name; };
function OldDerived(name) { OldStyle.call(this, name); this.more = true; }
OldDerived.prototype = Object.create(OldStyle.prototype, { constructor: { value: OldDerived } });
class Stack extends Array { peek() { return this[this.length - 1]; } }
class Registry extends Map {}
class Cell { constructor(value, next) { this.value = value; this.next = next; } }
class TaggedByData {}
Object.defineProperty(TaggedByData.prototype, Symbol.toStringTag, { value: 'ToStringTagData' });
class TaggedByGetter { get [Symbol.toStringTag]() { return 'ToStringTagGetter'; } }
class TaggedDerived extends Shape {}
Object.defineProperty(TaggedDerived.prototype, Symbol.toStringTag, { value: 'DerivedTag' });
const Unnamed = (() => class {})();
const mixInto = (Base) => class Mixed extends Base { mixed = 1; };

kinds.classes = {
  point: new Point(11, -22),
  vector: new Vector(1, 2),
  circle: new Circle(5),
  ring: new Ring(8),
  empty: new Empty(),
  defaulted: new Defaulted(),
  locked: new Locked(7),
  thermometer: new Thermometer(21.5),
  oldStyle: new OldStyle('old'),
  oldDerived: new OldDerived('derived'),
  taggedByData: new TaggedByData(),
  taggedByGetter: new TaggedByGetter(),
  taggedDerived: new TaggedDerived(4),
  unnamed: new Unnamed(),
  mixin: new (mixInto(Point))(1, 2),
  fieldBecameString: new Vector(3, 4),
  prototypeSwapped: Object.setPrototypeOf({ was: 'literal' }, Point.prototype),
  prototypeOfPoint: Point.prototype,
};
kinds.classes.locked.attempt('c-7');
kinds.classes.fieldBecameString.dx = 'now a string';

// ------------------------------------------------------------------------------------------------- objects
kinds.objects = {
  empty: {},
  literal: { i: 1, s: 'two', d: 3.5, n: null, u: undefined, t: true, f: false },
  nested: { a: { b: { c: { d: { e: 'deep' } } } } },
  nullPrototype: Object.assign(Object.create(null), { z: 26 }),
  inheriting: Object.assign(Object.create({ inherited: 'not own' }), { own: 'own' }),
  frozen: Object.freeze({ cold: 'ice', degrees: -4 }),
  sealed: Object.seal({ shut: 'door' }),
  notExtensible: Object.preventExtensions({ only: 'this' }),
  numericKeys: { 7: 'seven', 2: 'two', named: 'x', 'with space': 's', 'dotted.key': 'd', '': 'empty key' },
  sparseKeys: { 5000000: 'far', 1: 'near', name: 'n' },
  manyFields: {},
  dictionary: {},
  deletedLast: { a: 1, b: 2, c: 3 },
  deletedMiddle: { a: 1, b: 2, c: 3 },
  accessors: { plain: 1, get both() { return 'never run'; }, set both(v) { throw new Error(String(v)); }, get onlyGet() { return 2; }, set onlySet(v) { throw new Error(String(v)); } },
  hidden: Object.defineProperty({ shown: 1 }, 'concealed', { value: 'not enumerable', enumerable: false }),
  methods: { greet() { return 'hi'; }, arrow: () => 1, async later() {}, *steps() { yield 1; } },
  symbolKeys: { [Symbol('described')]: 'by symbol', [Symbol.iterator]: null, ordinary: 1, [Symbol.toStringTag]: 'OwnTag' },
  cyclic: { name: 'ouroboros' },
  ownConstructor: { constructor: 'a string, not a function' },
};
kinds.objects.cyclic.self = kinds.objects.cyclic;
for (let i = 0; i < 40; i++) kinds.objects.manyFields['m' + i] = i * 10;
for (let i = 0; i < 120; i++) kinds.objects.dictionary['k' + i] = i;
for (let i = 0; i < 120; i += 3) delete kinds.objects.dictionary['k' + i];
delete kinds.objects.deletedLast.c;
delete kinds.objects.deletedMiddle.b;

// ------------------------------------------------------------------------------------------------- numbers
kinds.numbers = {
  zero: 0, one: 1, negative: -7, smiMax: 2147483647, smiMin: -2147483648, aboveSmi: 2147483648, belowSmi: -2147483649,
  negativeZero: -0, nan: NaN, infinity: Infinity, negativeInfinity: -Infinity,
  half: 0.5, third: 1 / 3, tenth: 0.1, sum: 0.1 + 0.2, pi: 3.141592653589793, cents: 4.7,
  tiny: 5e-324, smallestNormal: 2.2250738585072014e-308, huge: 1.7976931348623157e308, maxSafe: 9007199254740991,
  e21: 1e21, e20: 100000000000000000000, micro: 0.000001, subMicro: 1e-7, timestamp: 1700000000123.25,
};
// In an object of its own each stays a field of its first kind; changing one generalises it.
kinds.numbers.mutable = { counter: 0, grown: 1 };
for (let i = 0; i < 100; i++) { kinds.numbers.mutable.counter++; kinds.numbers.mutable.grown *= 1.5; }
kinds.numbers.mutable.grown = 6.25;
kinds.bigints = { zero: 0n, small: 123n, negative: -98765432109876543210n, word: 18446744073709551615n, long: 2n ** 320n + 7n };

// ------------------------------------------------------------------------------------------------- strings
const letters = Array.from({ length: 300 }, (_, i) => String.fromCharCode(97 + i % 26)).join('');
kinds.strings = {
  empty: '', single: 'x', ascii: 'plain one-byte string', latin1: 'caf\u00e9 \u00ff', twoByte: '\u4f60\u597d, \u4e16\u754c',
  astral: 'rocket \ud83d\ude80 done', loneSurrogate: 'bad \ud800 end', control: 'tab\tnl\nnul\u0000quote"back\\end',
  numeric: '12345',
  rope: 'left side of a rope, ' + String(N) + ', ' + '-'.repeat(30),
  ropeTwoByte: '\u03b1\u03b2\u03b3 rope ' + String(N) + '\u03c9'.repeat(20),
  flattened: 'made flat: ' + String(N) + ', ' + '='.repeat(30),
  parent: Buffer.from(letters).toString('latin1'),
  internalized: ['key', 'made', N].join('-'),
  long: Buffer.alloc(60000, 'abcdefghij').toString('latin1'),
  external: Buffer.alloc(1100000, 'external one byte ').toString('latin1'),        // large decodings live outside
  externalTwoByte: Buffer.alloc(2200000, Buffer.from('ext \u20ac two ', 'utf16le')).toString('utf16le'),
  wrapper: new String('wrapped'),
};
kinds.strings.sliced = kinds.strings.parent.slice(10, 110);
kinds.strings.slicedAgain = kinds.strings.sliced.slice(5, 50);
let deepRope = 'seed';
for (let i = 0; i < 400; i++) deepRope = deepRope + '+' + i;
kinds.strings.deepRope = deepRope;
/x$/.test(kinds.strings.flattened);
({})[kinds.strings.internalized];                                   // used as a key: becomes a thin string

// -------------------------------------------------------------------------------------------------- arrays
kinds.arrays = {
  empty: [], one: ['only'], smi: [1, 2, 3, -4], double: [1.5, 2.5, -0.125, NaN, -0], elements: ['a', 1, null, { in: 'array' }, undefined],
  holeySmi: [1, , 3], holeyDouble: [1.5, , 3.5], holeyElements: ['a', , 'c'], doubleUndefined: [1.5, 2.5, 3.5],
  dictionary: [], lengthOnly: new Array(5), shrunk: [9, 8, 7, 6], grown: [], withProperty: [1, 2], nested: [[1, 2], [3, [4, 5]]],
  frozen: Object.freeze([1, 2, 3]), sealed: Object.seal(['s', 1.5]), notExtensible: Object.preventExtensions([true, false]),
  large: Array.from({ length: 150000 }, (_, i) => i), stack: Stack.from([7, 8, 9]), shifted: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
  literalCopy: (() => { const make = () => [10, 20, 30]; make(); return make(); })(),
};
kinds.arrays.doubleUndefined[1] = undefined;
kinds.arrays.dictionary[0] = 'first'; kinds.arrays.dictionary[1000000] = 'far';
kinds.arrays.shrunk.length = 2;
for (let i = 0; i < 100; i++) kinds.arrays.grown.push(i * i);
kinds.arrays.withProperty.tag = 'named property';
kinds.arrays.shifted.splice(0, 17);
kinds.arguments = {
  strict: (function () { return arguments; })(1, 'two', 3),
  sloppy: new Function('a', 'b', 'a = 99; return arguments;')(10, 20, 30),
  none: (function () { return arguments; })(),
};

// ----------------------------------------------------------------------------------------------- functions
function named(a, b, c) { return a + b + c; }
function Session() {}
Session.prototype.get = function () { return this; };              // anonymous: V8 infers Session.get
const holder = {};
holder.deep = {}; holder.deep.handler = function () {};
kinds.functions = {
  named, anonymous: (() => function () {})(), inferred: Session.prototype.get, inferredPath: holder.deep.handler,
  arrow: (x, y) => x * y, property: function property() {}, class: Circle, anonymousClass: Unnamed, bound: named.bind(kinds.classes.point, 1, 'bound'),
  native: Math.max, async: async function waiting() {}, generator: function* counting() { yield 1; }, asyncGenerator: async function* streaming() { yield 1; },
  method: kinds.objects.methods.greet, getter: Object.getOwnPropertyDescriptor(Thermometer.prototype, 'fahrenheit').get,
  made: new Function('p', 'return p'), renamed: Object.defineProperty(function before() {}, 'name', { value: 'after' }), computed: { ['com' + 'puted']() {} }.computed,
  closure: (() => { const captured = 'captured'; let calls = 40; return function closure() { return captured + calls++; }; })(),
  closureOverMany: new Function(Array.from({ length: 100 }, (_, i) => `let v${i} = ${i * 3};`).join('') + 'return function overMany() { return [' + Array.from({ length: 100 }, (_, i) => 'v' + i) + ']; }')(),
};
kinds.functions.property.extra = 'property of a function';
kinds.functions.closure(); kinds.functions.closure();
kinds.functions.lazy = function neverCalled(a) { return a; };

// --------------------------------------------------------------------------------------------- collections
kinds.collections = {
  map: new Map([['k1', 'v1'], [2, { two: 2 }], [kinds.classes.point, 'by object'], [NaN, 'nan'], [0, 'zero']]),
  mapEmpty: new Map(), mapDeleted: new Map(Array.from({ length: 50 }, (_, i) => [i, 'v' + i])), registry: new Registry([['r', 1]]),
  set: new Set(['s1', 2, 3.5, kinds.classes.point]), setEmpty: new Set(), setLarge: new Set(Array.from({ length: 1000 }, (_, i) => 'm' + i)),
  weakMap: new WeakMap([[kinds.classes.point, 'weak value'], [kinds.classes.vector, 17]]), weakSet: new WeakSet([kinds.classes.point]),
  weakRef: typeof WeakRef === 'function' ? new WeakRef(kinds.classes.point) : undefined, finalization: typeof FinalizationRegistry === 'function' ? new FinalizationRegistry(() => {}) : undefined,
};
for (let i = 0; i < 50; i += 2) kinds.collections.mapDeleted.delete(i);
if (kinds.collections.finalization) kinds.collections.finalization.register(kinds.classes.point, 'held');
kinds.iterators = {
  map: kinds.collections.map.entries(), set: kinds.collections.set.values(), array: kinds.arrays.smi[Symbol.iterator](), string: 'iterated'[Symbol.iterator](), regexp: 'a1b2'.matchAll(/[a-z]\d/g),
  generator: (function* suspended(p) { const local = 'local'; yield p; yield local; })(17), notStarted: (function* notStarted() { yield 1; })(), done: (function* done() {})(), asyncGenerator: (async function* asynchronous() { yield 1; })(),
};
for (const name of ['map', 'array', 'generator', 'done']) kinds.iterators[name].next();

// ------------------------------------------------------------------------------------------------- binary
const buffer = new ArrayBuffer(16);
new Uint8Array(buffer).set([0xde, 0xad, 0xbe, 0xef]);
kinds.binary = {
  arrayBuffer: buffer, shared: new SharedArrayBuffer(32), u8: new Uint8Array([1, 2, 3]), u8large: new Uint8Array(5000).fill(0xab),
  u8clamped: new Uint8ClampedArray([300, -5, 7]), i8: new Int8Array([-128, 127]), i16: new Int16Array([-1, 300]), u16: new Uint16Array([65535]), i32: new Int32Array([-2147483648]), u32: new Uint32Array(buffer, 4, 2),
  f32: new Float32Array([0.5, -1.5]), f64: new Float64Array([0.1, 0.2, 0.3]), i64: new BigInt64Array([0n, -5n]), u64: new BigUint64Array([18446744073709551615n]), dataView: new DataView(buffer, 2, 8),
  pooled: Buffer.from('hello buffer'), own: Buffer.alloc(20000, 'z'), none: Buffer.alloc(0),
};

// ------------------------------------------------------------------- dates, regular expressions, wrappers
kinds.dates = { billion: new Date(1234567890123), epoch: new Date(0), before: new Date(-1), invalid: new Date(NaN), article: new Date(1336242600000) };
kinds.regexps = { plain: /ab+c(?<name>x)?/gi, atom: /literal/, run: /(\d+)-(\d+)/u, slash: /a\/b/ };
kinds.regexps.plain.lastIndex = 4;
'a literal'.match(kinds.regexps.atom);
kinds.regexps.match = kinds.regexps.run.exec('tel 12-345');
kinds.symbols = { described: Symbol('a description'), bare: Symbol(), registered: Symbol.for('registered'), wellKnown: Symbol.asyncIterator };
kinds.wrappers = { number: Object(5.5), string: kinds.strings.wrapper, boolean: Object(true), symbol: Object(kinds.symbols.described), bigint: Object(77n) };
kinds.oddballs = { undefined: undefined, null: null, true: true, false: false };

// -------------------------------------------------------------------------------------- errors, promises
class PaymentError extends Error { constructor(message, code) { super(message); this.name = 'PaymentError'; this.code = code; } }
kinds.errors = {
  plain: new Error('plain message'), type: new TypeError('a type error'), custom: new PaymentError('card refused', 'E_CARD'), noMessage: new Error(),
  cause: 'cause' in new Error('', { cause: 0 }) ? new Error('outer', { cause: new RangeError('inner') }) : Object.defineProperty(new Error('outer'), 'cause', { value: new RangeError('inner'), writable: true, configurable: true }), aggregate: typeof AggregateError === 'function' ? new AggregateError([new Error('one'), new Error('two')], 'several') : undefined,
  fields: Object.assign(new Error('has own fields'), { errno: -2, syscall: 'open' }), stackRead: new RangeError('stack was read'),
};
kinds.errors.stackRead.stack.length;                                // formats the stack, which changes how it is held
kinds.promises = { pending: new Promise(() => {}), fulfilled: Promise.resolve('fulfilled value'), rejected: Promise.reject(new Error('rejected reason')) };
kinds.promises.rejected.catch(() => {});
kinds.promises.then = kinds.promises.pending.then(function onFulfilled() {}, function onRejected() {});
kinds.promises.async = (async function awaiting(n) { const local = 'of an async function'; await kinds.promises.pending; return local + n; })(5);
kinds.proxies = { proxy: new Proxy({ target: 'of proxy' }, { get() { return 'trapped'; } }), callable: new Proxy(named, {}) };
const revocable = Proxy.revocable({}, {}); revocable.revoke();
kinds.proxies.revoked = revocable.proxy;

// -------------------------------------------------------------------------- other contexts, native objects
const sandbox = vm.createContext({ inSandbox: 'a property of the sandbox' });
vm.runInContext('class Foreigner { constructor(n) { this.n = n; } }; var foreigners = []; for (let i = 0; i < 25; i++) foreigners.push(new Foreigner(i)); var plain = { from: "another context" }; var list = [1, 2, 3]; var error = new Error("foreign error"); function inside() {}', sandbox);
kinds.contexts = { sandbox, foreigner: sandbox.foreigners[3], plain: sandbox.plain, list: sandbox.list, error: sandbox.error, inside: sandbox.inside };
const { EventEmitter } = require('events');
kinds.natives = { emitter: new EventEmitter(), hash: require('crypto').createHash('sha256'), channel: typeof MessageChannel === 'function' ? new MessageChannel() : new (require('worker_threads').MessageChannel)(), url: new URL('https://user@example.net:8080/p/a?q=1#f'), timer: setTimeout(function onTimer() {}, 0x7ffffff), abort: typeof AbortController === 'function' ? new AbortController() : undefined, math: Math, json: JSON, global: globalThis };
kinds.natives.emitter.on('tick', function onTick() {});
kinds.natives.timer.unref();

// --------------------------------------------------------------------------------------------- populations
const times = (n, make) => Array.from({ length: n }, (_, i) => make(i));
kinds.populations = {
  points: times(N, (i) => new Point(i, -i)), vectors: times(N / 2, (i) => new Vector(i, i)), shapes: times(N / 3, (i) => new Shape(i)), circles: times(N / 4, (i) => new Circle(i)),
  rings: times(N / 6, (i) => new Ring(i)), empties: times(N / 10, () => new Empty()), locks: times(N / 12, (i) => new Locked(i)), oldStyles: times(N / 15, (i) => new OldStyle('o' + i)),
  literals: times(N, (i) => ({ literalA: i, literalB: 'v' + i, literalC: [i] })), reordered: times(N / 20, (i) => ({ literalB: 'r' + i, literalA: i })),
  stacks: times(N / 20, (i) => Stack.from([i, 'top'])), registries: times(N / 30, (i) => new Registry([[i, 'm' + i]])), payments: times(N / 60, (i) => new PaymentError('refused ' + i, i)),
  closures: times(N / 2, (i) => function populationClosure() { return i; }), bound: times(N / 20, (i) => named.bind(null, i)), boxed: times(N / 3, (i) => ({ boxed: i % 2 ? i : i + 0.5 })),
  list: null,
  dictionaries: times(N / 20, (i) => { const d = { dictionaryKey: i }; for (let k = 0; k < 6; k++) d['extra' + k] = k; delete d.extra2; return d; }),
};
for (let i = 0; i < N / 2; i++) kinds.populations.list = new Cell(i, kinds.populations.list);

// A stack of known frames, the innermost first: wait, inner, outer.
const receiver = { receives: 'the call', outer(n) { return inner('from outer', n + 0.5, new Point(5, 6)); } };
function wait(tag) { const local = 'local of wait'; hold({ population: N }); return local + tag; }
function inner(text, number, point) { return wait(text + number) + point.x; }

/** The root, once its last part is there. */
async function ready() {
  kinds.modules = { namespace: await import('data:text/javascript,export const answer = 42; export let greeting = "hello"; export default class Exported {}') };
  return kinds;
}

module.exports = { ready };
if (require.main === module) ready().then(() => setImmediate(() => receiver.outer(7)));
