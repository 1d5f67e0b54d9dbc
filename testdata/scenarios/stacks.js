'use strict';
/*
 * Stops deep in a nest of calls of every kind, whose functions run in every tier that V8 has, and reports what
 * `new Error().stack` says of it at that moment.
 *
 * Each link of the nest is called with the next one. Before the nest is entered, each link has been called with functions that do nothing,
 * so that the compilers know it; the function that stops knows whether the nest is meant.
 */
const v8 = require('v8');
const { hold, option } = require('./hold.js');

Error.stackTraceLimit = Infinity;
v8.setFlagsFromString('--allow-natives-syntax');
/* Releases whose quick compiler is not ready take the flag and do nothing. */
try { v8.setFlagsFromString('--maglev'); } catch { /* not known */ }
/* Up to V8 9.3 the compiler of baseline code waits to be asked for. */
v8.setFlagsFromString('--sparkplug');

const native = (text) => { try { return new Function('f', text); } catch { return null; } };
const prepare = native('%PrepareFunctionForOptimization(f)');
const baseline = native('%CompileBaseline(f)');
const maglev = native('%OptimizeMaglevOnNextCall(f)');
const turbofan = native('%OptimizeFunctionOnNextCall(f)');
const never = native('%NeverOptimizeFunction(f)');

let live = false;

function freeze(first, second) {
  if (!live) return first + second;
  const stack = new Error('here').stack;
  hold({ stack, links: links.length });
}
never(freeze);

/* Different functions, so that none is merged into a link. */
const nothing = [() => 1, (a) => a, function () { return 3; }, (a, b) => b, () => freeze(1, 2)];

function interpreted(next, number) {
  const local = number + 1;
  return next(local, 'interpreted');
}

function plain(next, number) { let sum = number; sum += next(sum); return sum; }

function mergedInner(next, text) {
  const own = { text, k: 1 };
  const result = next(own.text,
                      own.k);
  return result;
}
function mergedMiddle(next, n) {
  if (n > 1e9) return 0;
  return 1 + mergedInner(next, 'm' + n);
}
function mergedOuter(next, n) {
  const before = n * 2;
  return before + mergedMiddle(next, before + 1);
}

function quickInner(next, text) { return next(text, 7) + 1; }
function quickMiddle(next, n) { return n > 1e9 ? 0 : quickInner(next, n); }
function quickOuter(next, n) {
  let total = 0;
  total += quickMiddle(next, n);
  return total;
}

function loops(next, n) {
  let sum = 0;
  for (let i = 0; i < 2_000_000; i++) {
    if (i === 1_999_990) {
      sum += next(i, n);
    } else {
      sum = (sum + i) & 0xffff;
    }
  }
  return sum;
}

class Base {
  constructor(next, n) { this.n = n; this.result = next(this.n); }
}
class Derived extends Base {
  constructor(next, n) {
    super(next, n + 1);
    this.more = 1;
  }
}
function constructs(next, n) { return new Derived(next, n).result; }
class Point {
  constructor(next) { this.x = next(4); }
}
function makesPoint(next) { const point = new Point(next); return point.x; }
class Fields {
  static next = null;
  value = Fields.next(5);
}
class Holder {
  #secret(next) { return next(6); }
  reveal(next) { return this.#secret(next); }
  get value() { return this.next(7); }
  set value(next) { this.kept = next(8); }
  static make(next) { return next(9); }
  #hidden = null;
  get #own() { return this.#hidden(10); }
  own(next) { this.#hidden = next; return this.#own; }
}
class Heir extends Holder {
  reveal(next) { return super.reveal(next); }
}
function* inner(next) { yield next(11); }
function* outer(next) { yield* inner(next); }
async function started(next) { return next(12); }
function few(next, a, b, c) { return next(a, b, c); }
function many(next) { return next(arguments.length, arguments[3]); }
function rest(next, ...others) { return next(others.length); }
function defaults(next, { a = next(13) } = {}) { return a; }
function guarded(next) {
  try {
    return next(14);
  } finally {
    guarded.count = 1;
  }
}
guarded.count = 0;
const tag = (parts, next) => next(parts[0]);
const computed = 'a b';
const objects = {
  method(next) { return next(15); },
  [computed](next) { return next(16); },
  arrow: (next) => next(17),
};
const tens = (next) => [10].reduce((sum, n) => sum + next(n), 1);
const merges = (next) => [1, 2].map((n) => (n === 2 ? next(n) : n));
const wide = new Function('next', `${Array.from({ length: 300 }, (_, i) => `let v${i} = ${i} + next.length;`).join('\n')}
  return next(v299,
    v298);`);
const evaluated = (next) => eval('const doubled = 2; next(doubled)');
const called = function (next) { return next(this && 18); };

/*
 * (module (import "m" "f" (func (param i32) (result i32)))
 *   (func $inner (param i32) (result i32) local.get 0 call 0 i32.const 1 i32.add)
 *   (func (export "run") (param i32) (result i32) local.get 0 call $inner i32.const 2 i32.mul))
 * and the name of one of them.
 */
const code = [
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f, 2, 7, 1, 1, 0x6d, 1, 0x66, 0, 0, 3, 3, 2, 0, 0,
  7, 7, 1, 3, 0x72, 0x75, 0x6e, 0, 2, 10, 21, 2, 9, 0, 0x20, 0, 0x10, 0, 0x41, 1, 0x6a, 11,
  9, 0, 0x20, 0, 0x10, 1, 0x41, 2, 0x6c, 11, 0, 15, 4, 0x6e, 0x61, 0x6d, 0x65, 1, 8, 1, 1, 5, 0x69, 0x6e, 0x6e, 0x65, 0x72,
];
let fromWasm = null;
const imports = { m: { f: (n) => fromWasm(n) } };
const wasm = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(code)), imports);

/* Name, link, what compiles it, the functions that are compiled, and those that may be merged into them. */
const links = [
  ['interpreted', (next) => interpreted(next, 1), null, [], [interpreted]],
  ['baseline', (next) => plain(next, 2), baseline, [plain], []],
  ['quick', (next) => quickOuter(next, 3), maglev, [quickOuter], [quickMiddle, quickInner]],
  ['merged', (next) => mergedOuter(next, 4), turbofan, [mergedOuter], [mergedMiddle, mergedInner]],
  ['loops', (next) => loops(next, 5)],
  ['constructs', (next) => constructs(next, 6), null, [], [constructs, Base, Derived]],
  ['constructs optimized', (next) => makesPoint(next), turbofan, [makesPoint], [Point]],
  ['field', (next) => { Fields.next = next; return new Fields().value; }],
  ['private', (next) => new Holder().reveal(next), null, [], [Holder.prototype.reveal, Holder]],
  ['super', (next) => new Heir().reveal(next), maglev, [Heir.prototype.reveal], [Holder.prototype.reveal]],
  ['private getter', (next) => new Holder().own(next)],
  ['getter', (next) => { const holder = new Holder(); holder.next = next; return holder.value; }],
  ['setter', (next) => { const holder = new Holder(); holder.value = next; return holder.kept; }],
  ['static', (next) => Holder.make(next), null, [], [Holder.make]],
  ['forEach', (next) => { let sum = 0; [1].forEach((n) => { sum += next(n); }); return sum; }],
  ['sort', (next) => [2, 1].sort((a, b) => next(a) - b)],
  ['toJSON', (next) => JSON.stringify({ toJSON() { return next('json'); } })],
  ['replacer', (next) => JSON.stringify([1], function (key, value) { return key === '0' ? next(key) : value; })],
  ['reviver', (next) => JSON.parse('[1]', (key, value) => (key === '0' ? next(value) : value))],
  ['replace', (next) => 'abc'.replace(/b/, (found) => next(found))],
  ['proxy', (next) => new Proxy({}, { get(target, name) { return next(name); } }).thing],
  ['apply trap', (next) => new Proxy(function () {}, { apply(target, self, list) { return next(list.length); } })(1, 2)],
  ['Reflect.apply', (next) => Reflect.apply(called, { me: 1 }, [next])],
  ['Reflect.construct', (next) => Reflect.construct(Base, [next, 3]).result],
  ['call', (next) => called.call('text', next)],
  ['apply', (next) => called.apply(null, [next])],
  ['bound', (next) => called.bind({ bound: true }, next)()],
  ['toPrimitive', (next) => `${{ [Symbol.toPrimitive](hint) { return next(hint); } }}`],
  ['valueOf', (next) => +{ valueOf() { return next(1); } }],
  ['from', (next) => Array.from({ length: 1 }, (_, i) => next(i))],
  ['Map.forEach', (next) => new Map([[1, 2]]).forEach((value) => next(value))],
  ['typed sort', (next) => new Float64Array([3, 1]).sort((a, b) => next(a) - b)],
  ['find', (next) => [5].find((n) => next(n))],
  ['flatMap', (next) => [5].flatMap((n) => [next(n)])],
  ['generator', (next) => [...outer(next)]],
  ['async', (next) => { started(next); return 1; }],
  ['executor', (next) => { new Promise((resolve) => resolve(next(1))); return 1; }],
  ['too few', (next) => few(next, 1), null, [], [few]],
  ['too many', (next) => many(next, 1, 2, 3, 4), null, [], [many]],
  ['rest', (next) => rest(next, 1, 2, 3), turbofan, [rest]],
  ['defaults', (next) => defaults(next), null, [], [defaults]],
  ['finally', (next) => guarded(next), turbofan, [guarded]],
  ['tagged', (next) => tag`a${next}b`],
  ['method', (next) => objects.method(next), null, [], [objects.method]],
  ['computed', (next) => objects[computed](next)],
  ['arrow', (next) => objects.arrow(next), maglev, [objects.arrow]],
  ['spread', (next) => few(...[next, 1, 2, 3])],
  ['reduce', (next) => tens(next), turbofan, [tens]],
  ['map', (next) => merges(next), turbofan, [merges]],
  ['wide', (next) => wide(next)],
  ['wide baseline', (next) => new Function('wide', 'next', 'return wide(next)')(wide, next), baseline, [wide]],
  ['eval', (next) => evaluated(next)],
  ['iterator', (next) => { for (const n of { [Symbol.iterator]: () => ({ next: () => ({ done: !next(1), value: 1 }) }) }) return n; }],
  ['WebAssembly', (next) => { fromWasm = next; return wasm.exports.run(19); }],
  ['instanceof', (next) => 1 instanceof { [Symbol.hasInstance](value) { return next(value); } }],
];

function enter(index) {
  if (index === links.length) return freeze(1, 2);
  const link = links[index][1];
  return link(() => enter(index + 1));
}
never(enter);

const tier = { baseline, maglev, turbofan }[option('tier', '')];
for (const [, link, own, functions = [], merged = []] of links) {
  const compile = tier || own;
  const compiled = tier ? [link, ...functions] : functions;
  const warm = () => { for (const next of nothing) link(next); };
  if (compile) for (const f of [...compiled, ...merged]) prepare(f);
  warm();
  warm();
  if (compile) {
    for (const f of compiled) compile(f);
    warm();
  }
}

async function main() {
  await null;
  live = true;
  enter(0);
}
main();
