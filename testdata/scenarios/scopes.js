'use strict';
/*
 * Functions and what they close over: one closure for each kind of scope that V8 has a context for, variables that hold
 * numbers of every representation, and definitions with a known number of closures.
 *
 * See hold.js for the options.
 */
const vm = require('vm');
const { hold } = require('./hold');

function makeCounter(start) {
  let count = start;
  const step = 2;
  var label = 'counter of ' + start;
  return { increment() { count += step; return label + count; }, peek: () => count };
}

// Each turn of a loop has a variable of its own.
function makeTicks(list) {
  const ticks = [];
  for (let index = 0; index < 500; index++) {
    ticks.push(function tick() { return list[index]; });
  }
  return ticks;
}

function makeCatcher() {
  try {
    throw new RangeError('thrown to be caught');
  } catch (problem) {
    return () => problem.message;
  }
}

// The same name in three scopes.
function shadowing(value) {
  const outer = () => value;
  {
    const value = 'of the block';
    return { outer, inner: (() => { const deepest = 'of the arrow'; return () => [value, deepest]; })() };
  }
}

// Suspended in front of the declaration of `late`.
function* beforeDeclaration() {
  yield () => late;
  const late = 'never';
  return late;
}

function* suspended(limit) {
  let turn = 0;
  const peek = () => turn + limit;
  for (;;) { turn++; yield peek; }
}

async function waiting(job) {
  let stage = 'before';
  const tell = () => stage + job;
  stage = 'during';
  await new Promise(() => {});
  return tell;
}

class Base { greet() { return 'base'; } }

class Account extends Base {
  #balance = 7;
  static #opened = 3;
  constructor(owner) {
    super();
    this.own = () => [this, owner, new.target];
    this.parent = () => super.greet();
  }
  #audit() { return Account.#opened; }
  read() { return this.#balance + this.#audit(); }
  static count() { return Account.#opened; }
}

function argumentsKept(first, second) { return () => arguments.length + first + second; }

const factorial = function self(n) { return () => (n < 2 ? 1 : n * self(n - 1)()); };

// More variables than V8 lists in the order of their slots.
const many = new Function(
  Array.from({ length: 120 }, (_, i) => `let v${i} = ${i};`).join('\n') +
  '\nreturn () => [' + Array.from({ length: 120 }, (_, i) => 'v' + i).join() + '];')();

// Numbers that optimised code keeps unboxed where it can.
function makeHot() {
  let whole = 0, half = 0.5, fixed = 12.75, big = 2147483000;
  return { step() { whole = whole + 1; half = half + 0.25; return whole; }, grow() { big = big + 1; return big; }, fixed: () => fixed };
}
const hot = makeHot();
for (let i = 0; i < 200000; i++) hot.step();
for (let i = 0; i < 2000; i++) hot.grow();

vm.runInThisContext(`
  let topLet = 'let of a script'; const topConst = 'const of a script'; class TopClass {}
  let topWhole = 0, topHalf = 0.5;
  function topStep() { topWhole = topWhole + 1; topHalf = topHalf + 0.25; return topWhole; }
`, { filename: 'top-level.js' });
const topStep = vm.runInThisContext('topStep');
for (let i = 0; i < 200000; i++) topStep();

const inWith = new Function('o', 'with (o) { const near = 1; return function inWith() { return [fromWith, near]; }; }')({ fromWith: 'with object', get computed() { return 1; } });
const inSloppyEval = new Function('eval("var declared = \'by eval\'"); let beside = 2; return function inSloppyEval() { return [declared, beside]; };')();
const inStrictEval = new Function(`'use strict'; return eval('let strictly = "in strict eval"; (function inStrictEval() { return strictly; })');`)();

// Never makes the function inside, but V8 knows of it.
function maker(wanted) { if (wanted) return function unmade() { return wanted; }; return 'nothing'; }
maker(false);

// Minified by Terser 5.36.0, which also made the map, from
//   function makeTotal(firstAmount) {
//     let runningTotal = firstAmount;
//     return function addAmount(nextAmount) {
//       runningTotal += nextAmount;
//       return runningTotal;
//     };
//   }
//   makeTotal(40);
const addAmount = vm.runInThisContext(`function n(n){let t=n;return function n(r){return t+=r,t}}n(40);
//# sourceMappingURL=data:application/json;charset=utf-8;base64,eyJ2ZXJzaW9uIjozLCJmaWxlIjoidG90YWwubWluLmpzIiwibmFtZXMiOlsibWFrZVRvdGFsIiwiZmlyc3RBbW91bnQiLCJydW5uaW5nVG90YWwiLCJhZGRBbW91bnQiLCJuZXh0QW1vdW50Il0sInNvdXJjZXMiOlsic3JjL3RvdGFsLmpzIl0sInNvdXJjZXNDb250ZW50IjpbIi8vIEFkZHMgYW1vdW50cyB1cC5cbmZ1bmN0aW9uIG1ha2VUb3RhbChmaXJzdEFtb3VudCkge1xuICBsZXQgcnVubmluZ1RvdGFsID0gZmlyc3RBbW91bnQ7XG4gIHJldHVybiBmdW5jdGlvbiBhZGRBbW91bnQobmV4dEFtb3VudCkge1xuICAgIHJ1bm5pbmdUb3RhbCArPSBuZXh0QW1vdW50O1xuICAgIHJldHVybiBydW5uaW5nVG90YWw7XG4gIH07XG59XG5tYWtlVG90YWwoNDApO1xuIl0sIm1hcHBpbmdzIjoiQUFDQSxTQUFTQSxFQUFVQyxHQUNqQixJQUFJQyxFQUFlRCxFQUNuQixPQUFPLFNBQVNFLEVBQVVDLEdBRXhCLE9BREFGLEdBQWdCRSxFQUNURixDQUNULENBQ0YsQ0FDQUYsRUFBVSIsImlnbm9yZUxpc3QiOltdfQ==`, { filename: '/srv/app/total.min.js' });
addAmount(2);

function boundTo(extra) { return function target() { return extra; }.bind(null, 1); }

const shared = "data:text/javascript,export let tally = 40; export function count() { return ++tally; } export default class Thing {}";
const source = `
import { tally, count as counting } from ${JSON.stringify(shared)};
import * as all from ${JSON.stringify(shared)};
import Thing from ${JSON.stringify(shared)};
export let total = 5;
export const fixed = "exported const";
let hidden = { deep: "not exported" };
export function inModule() { return [total, hidden, tally, counting, all, Thing, fixed]; }
counting(); counting();
total = 6;
`;

class Functions { constructor(parts) { Object.assign(this, parts); } }

async function ready() {
  const module = await import('data:text/javascript,' + encodeURIComponent(source));
  const tdz = beforeDeclaration();
  const generator = suspended(10);
  generator.next();
  const held = generator.next().value;
  return new Functions({
    magic: 'all kinds of scopes',
    counter: makeCounter(40), other: makeCounter(1), ticks: makeTicks(['first', 'second']), catcher: makeCatcher(),
    shadow: shadowing('of the function'), tdz: tdz.next().value, held, generator, waiting: waiting('a job'),
    account: new Account('owner'), accounts: Account, argumentsKept: argumentsKept('one', 2), factorial: factorial(5), many, hot, topStep,
    inWith, inSloppyEval, inStrictEval, addAmount, bound: boundTo('bound variable'), inModule: module.inModule,
  });
}

module.exports = { ready };

if (require.main === module) {
  ready().then((functions) => {
    globalThis.functions = functions;
    functions.counter.increment();
    setImmediate(() => hold());
  });
}
