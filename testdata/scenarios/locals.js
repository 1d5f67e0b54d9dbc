/*
 * Stops deep in a nest of functions with variables of every kind, and reports which variables each of them has at that moment, with
 * their values, and which it has declared but not reached. The nest is that of stacks.js: each link is called with what calls the next.
 *
 * `next(has, none, captured)`: `has` are the names in scope with their values, null for any value, `none` those that have no value yet, and
 * `captured` those that are in a context, which optimised code may never allocate. What is in neither of the first two is out of scope, but for
 * more of a module.
 *
 * At first it only has a module call it again, so that this is on the stack as well.
 */
if (require.main === module) {
  import('./locals.mjs');
  return;
}
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
const { calls } = globalThis;
const sink = [];
/* What leaves no trace, but for V8 to think that it does. */
const keep = (...values) => { if (sink.length > 1e6) sink.push(values); return values[0]; };

function freeze() {
  if (live) hold({ calls, links: links.length });
  return 'frozen';
}
never(freeze);

function plain(next, second) {
  var a = 'a', unassigned;
  let b = 'b';
  const c = second + 1;
  let unused = 'unused';
  next({ next: 0, second, a, b, c, unused: 'unused', unassigned: null }, ['later', 'last']);
  let later = keep('later');
  const last = later;
  unassigned = last;
  return unassigned;
}

function blocks(next) {
  let a = 'a0';
  {
    let a = 'a1', b = 'b1';
    { let a = 'a2', c = 'c2'; keep(a, c); }
    { const d = 'd2'; keep(next({ a, b, d }, ['f'])); { let e = 'e3'; keep(e); } }
    let f = 'f1'; keep(f, b);
  }
  { let g = 'g1'; keep(g); }
  return a;
}

function closures(next) {
  let a = 'a', b = 'b', captured = 'captured', c = 'c';
  const f = () => captured + b;
  { let inside = 'inside', d = 'd'; keep(() => inside); next({ a, b, c, d, inside, captured, f: null }, [], ['b', 'inside', 'captured']); }
  return f() + a + c;
}

function loops(next) {
  let sum = 'sum';
  for (let i = 'i', j = 0; j < 1; j++) {
    const inner = 'inner';
    keep(i, inner);
  }
  for (var k = 0; k < 2; k++) {
    if (k === 1) { let block = 'block'; next({ sum, k, block }); }
  }
  return sum;
}

function rounds(next) {
  const before = 'before', functions = [];
  for (let i = 0, n = 3; i < n; i++) {
    let own = 'own' + i;
    functions.push(() => i);
    if (i === 2) next({ before, i, n, own, functions: null });
  }
  for (let j = 0; j < 1; j++) { let other = j; functions.push(() => 1); keep(other); }
  return functions.length;
}

function roundsKept(next) {
  let first = 'first';
  for (let i = 0; i < 3; i++) {
    functionIn: {
      const unrelated = function named() { return first; };
      if (i < 2) break functionIn;
      next({ first, i, unrelated: null }, [], ['first']);
      keep(unrelated);
    }
  }
}

function forIn(next) {
  let outer = 'outer';
  for (const key in { one: 1 }) { let value = 'value'; next({ outer, key, value, name: null }); }
  for (let unrelated in { two: 2 }) keep(unrelated);
  for (var name in { three: 3 }) keep(name);
  return outer;
}

function forOf(next) {
  const outer = 'outer';
  for (let [a, b] of [['a', 'b']]) {
    for (const { c, d: e = 'e' } of [{ c: 'c' }]) {
      let f = 'f';
      next({ outer, a, b, c, e, f });
    }
  }
  for (const other of [1]) { let more = other; keep(() => other, more); }
  return outer;
}

function iterates(next) {
  let outer = 'outer';
  const iterable = { *[Symbol.iterator]() { let inside = 'inside'; next({ inside }); yield inside; } };
  for (const element of iterable) { let never = element; keep(never); }
  return outer;
}

function destructures(next, { a, b: [c, ...d] }, e) {
  const { f, g: { h = 'h' } } = { f: 'f', g: {} };
  let [i, , j = i] = ['i', 0];
  ({ f: e } = { f: 'changed' });
  const d0 = d[0];
  next({ a, c, d: null, d0, e, f, h, i, j });
  return [d];
}

function defaults(next, a = 'a', b = a + 'b', { c = 'c' } = {}, ...rest) {
  var d = 'd';
  let e = rest.length;
  next({ next: 0, a, b, c, d, e, rest: null });
  return d;
}

function shadowing(next, a = 'a') {
  var a;
  let b = a + 'b';
  { let a = 'inner'; next({ a, b }); }
  return a;
}

function inDefault(next, a = 'a', b = next({ next: 0 }), c = 'c') {
  let d = c;
  return [a, b, d];
}

function catches(next) {
  let a = 'a';
  try {
    let thrown = 'thrown';
    throw { message: thrown, code: 'code' };
  } catch ({ message, code }) {
    let b = 'b';
    try { throw 'plain'; } catch (e) { const c = 'c'; next({ a, message, code, b, e, c }, [], ['e']); }
  } finally {
    let d = 'd'; keep(d);
  }
  return a;
}

function switches(next, which) {
  let before = 'before';
  switch (which) {
    case 1: let one = 'one'; keep(one); break;
    case 2: const two = 'two'; next({ before, which, two }, ['third']); let third = 'third'; keep(third);
    default: let four = 'four'; keep(four);
  }
  switch (which) { default: keep(which); }
  return before;
}

function classes(next) {
  let a = 'a';
  class Local { method() { return Local; } static own = 1; #hidden = 2; get hidden() { return this.#hidden; } }
  const Named = class Inner { static [keep('computed')]() { return Inner; } };
  let b = 'b';
  next({ a, b, Local: null, Named: null }, ['Later']);
  class Later {}
  return [Local, Named, Later];
}

function functions(next) {
  let a = 'a';
  function inner() { return 1; }
  function unused() {}
  { let b = 'b'; function inBlock() { return 2; } keep(inBlock); next({ a, b, inner: null, inBlock: null, inIf: null }); }
  if (a) function inIf() {}
  return [inner, inBlock];
}

const expression = function own(next, deep) {
  let a = 'a', b = own.length;
  next({ next: 0, a, b, deep, own: null });
  return own;
};

function usesArguments(next, b) {
  'use strict';
  let a = 'a', n = arguments.length;
  next({ next: 0, a, b, n });
  return arguments;
}
function mapsArguments(next, b) {
  let a = 'a';
  arguments[1] = 'changed';
  next({ a, b });
}
function newTarget(next) {
  let a = 'a', b = new.target === undefined;
  next({ next: 0, a, b });
  return new.target;
}
function* generates(next) {
  let a = 'a';
  const b = yield 'first';
  { let c = 'c'; next({ next: 0, a, b, c }, ['d']); }
  let d = yield b;
  return d;
}
async function asynchronous(next, passed = 'passed') {
  let a = 'a';
  for (const b of ['b']) { let c = 'c'; next({ next: 0, passed, a, b, c }); }
  await a;
}
async function* both(next) {
  const a = 'a';
  for (let i = 0; i < 1; i++) { let b = 'b'; next({ next: 0, a, i, b }); }
  yield a;
}
const arrow = (next, one) => {
  let a = 'a';
  for (const b of ['b']) { let c = 'c'; next({ next: 0, one, a, b, c, d: null }); }
  var d = 'd';
  return d;
};
const asyncArrow = async (next, { x } = { x: 'x' }, ...rest) => {
  const a = 'a', count = rest.length;
  for (let i = 0; i < 1; i++) { let f = () => i; next({ x, a, count, i, rest: null, f: null }, [], ['i']); keep(f); }
};
const short = next => next({ next: 0 });

class Base {
  constructor(next, n) { let a = 'a'; this.n = n; next({ next: 0, n, a }); }
}
class Derived extends Base {
  field = 1;
  constructor(next, n) {
    let before = 'before';
    super(keep, n);
    const after = 'after', target = new.target === Derived;
    next({ next: 0, n, before, after, target });
  }
}
class Members {
  #secret(next, own) { const a = 'a'; next({ next: 0, a, own }); return a; }
  reveal(next) { let b = 'b'; this.#secret(() => 1, b); next({ next: 0, b }); }
  deep(next) { let c = 'c'; this.#secret(next, 'own'); return c; }
  get got() { let d = 'd'; this.next({ d }); return d; }
  set got(next) { let e = 'e'; next({ next: 0, e }); keep(e); }
  static make(next) { const f = 'f'; return next({ next: 0, f }); }
  async *many(next) { let g = 'g'; next({ next: 0, g }); yield g; }
  value = ((next) => { let h = 'h'; return next ? next({ next: 0, h }) : h; })(Members.take());
  static next = null;
  static take() { const { next } = Members; Members.next = null; return next; }
}
class Heir extends Members {
  deep(next) { const a = 'a'; super.deep(keep); const toString = super.toString; next({ next: 0, a, toString: null }); return toString; }
}
const object = {
  method(next) { let a = 'a'; return next({ next: 0, a }); },
  ['computed' + 1](next) { let b = 'b', c = super.toString; next({ next: 0, b, c: null }); return c; },
};
const evaluates = new Function('next', 'one', `
  var a = 'a'; let b = 'b';
  { let c = 'c'; next({ a, b, c, one }); }
  eval('var d = 1');
  return b;
`);
const evaluatesInside = new Function('next', `
  'use strict';
  let a = 'a';
  { let quiet = 'quiet'; next({ a, quiet }); }
  { let loud = 'loud'; eval('loud'); }
  return a;
`);
const withObject = new Function('next', 'o', `
  let a = 'a', b = 'b';
  with (o) { let c = 'c'; a = found; next({ a, b, c, o: null, found: null }); }
  return b;
`);
const wide = new Function('next', `${Array.from({ length: 300 }, (_, i) => `let v${i} = 'v${i}';`).join('\n')}
  next({ next: 0, ${Array.from({ length: 300 }, (_, i) => `v${i}`).join(', ')} });
  return v299;`);
const international = (next, größe = 'größe', 𝒳 = '𝒳') => {
  /* 💡 */ let ä = 'ä';
  { const ñ = 'ñ'; next({ größe, 𝒳, ä, ñ }); }
};
function nested(next) {
  let a = 'a';
  const inner = (b) => { let c = 'c'; const more = () => a + c; next({ b, c, more: null }); return more; };
  return inner('b');
}
function leaves(next) {
  let a = 'a';
  for (let i = 0; i < 1; i++) {
    switch (i) { case 0: { const found = 'found'; keep(found); if (a) break; } }
    const b = 'b';
    next({ a, i, b, c0: null }, ['c']);
    var c0 = 1; let c = c0; keep(c);
  }
}
function merged(next, n) { const a = 'a' + n; const result = next({ next: 0, n, a }, ['result']); return result + a; }
function merging(next, n) { let b = 'b' + n; const c = merged(next, n + 1); return [b, c]; }

/* Name, link, what is compiled for it, and what may be merged into that. */
const links = [
  ['plain', (next) => plain(next, 1), [plain]],
  ['blocks', (next) => blocks(next), [blocks]],
  ['closures', (next) => closures(next), [closures]],
  ['loops', (next) => loops(next), [loops]],
  ['rounds', (next) => rounds(next), [rounds]],
  ['rounds kept', (next) => roundsKept(next), [roundsKept]],
  ['for in', (next) => forIn(next), [forIn]],
  ['for of', (next) => forOf(next), [forOf]],
  ['iterates', (next) => iterates(next), [iterates]],
  ['destructures', (next) => destructures(next, { a: 'a', b: ['c', 'd'] }, 'e'), [destructures]],
  ['defaults', (next) => defaults(next, undefined, undefined, undefined, 1, 2), [defaults]],
  ['shadowing', (next) => shadowing(next), [shadowing]],
  ['in default', (next) => inDefault(next), [inDefault]],
  ['catches', (next) => catches(next), [catches]],
  ['switches', (next) => switches(next, 2), [switches]],
  ['classes', (next) => classes(next), [classes]],
  ['functions', (next) => functions(next), [functions]],
  ['expression', (next) => expression(next, 'deep'), [expression]],
  ['arguments', (next) => usesArguments(next, 'b'), [usesArguments]],
  ['mapped arguments', (next) => mapsArguments(next, 'b'), [mapsArguments]],
  ['new.target', (next) => newTarget(next), [newTarget]],
  ['new.target made', (next) => { new newTarget(next); }],
  ['generator', (next) => { const g = generates(next); g.next(); g.next('sent'); }, [generates]],
  ['async', (next) => { asynchronous(next); }, [asynchronous]],
  ['async generator', (next) => { both(next).next(); }, [both]],
  ['arrow', (next) => arrow(next, 'one'), [arrow]],
  ['async arrow', (next) => { asyncArrow(next, undefined, 1, 2, 3); }, [asyncArrow]],
  ['short', (next) => short(next), [short]],
  ['base', (next) => { new Base(next, 'n'); }, [Base]],
  ['derived', (next) => { new Derived(next, 'n'); }, [Derived]],
  ['private', (next) => { new Members().deep(next); }, [Members.prototype.deep]],
  ['reveal', (next) => { new Members().reveal(next); }, [Members.prototype.reveal]],
  ['getter', (next) => { const members = new Members(); members.next = next; return members.got; }],
  ['setter', (next) => { new Members().got = next; }],
  ['static', (next) => Members.make(next), [Members.make]],
  ['async method', (next) => { new Members().many(next).next(); }],
  ['field', (next) => { Members.next = next; return new Members(); }],
  ['super', (next) => new Heir().deep(next), [Heir.prototype.deep]],
  ['method', (next) => object.method(next), [object.method]],
  ['computed', (next) => object.computed1(next), [object.computed1]],
  ['eval', (next) => evaluates(next, 'one')],
  ['eval inside', (next) => evaluatesInside(next)],
  ['with', (next) => withObject(next, { found: 'a' })],
  ['wide', (next) => wide(next), [wide]],
  ['international', (next) => international(next), [international]],
  ['nested', (next) => nested(next), [nested]],
  ['leaves', (next) => leaves(next), [leaves]],
  ['merged', (next) => merging(next, 5), [merging], [merged]],
];

function enter(index) {
  if (index === links.length) return freeze();
  const [name, link] = links[index];
  const next = function reached(has, none = [], captured = []) {
    if (live) calls.push({ name, has, none, captured });
    return enter(index + 1);
  };
  never(next);
  return link(next);
}
never(enter);

const tier = { baseline, maglev, turbofan }[option('tier', '')];
for (const [, link, functions = [], merged = []] of links) {
  const warm = () => { for (const next of [() => 'n1', function () { return 'n2'; }, (has) => keep('n3', has)]) link(next); };
  if (tier) for (const f of [...functions, ...merged]) prepare(f);
  warm();
  warm();
  if (tier) {
    for (const f of functions) tier(f);
    warm();
  }
}

live = true;
const top = 'top', captured = 'of the module';
let reached = () => captured;
{ let inTop = 'inTop'; sink.length = 0; calls.push({ name: 'top', has: { top, inTop, captured }, none: ['behind'], more: true }); enter(0); keep(inTop); }
let behind = keep('behind', reached);
