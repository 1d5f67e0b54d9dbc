'use strict';
/*
 * Functions that nothing holds but the jobs of the optimising compiler, which wait: V8 has handed them to background threads, and
 * keeps what they need by handles of their own. Each has captured a `Held`; how many jobs V8 takes at a time is its own choice.
 *
 * To be run with --concurrent-recompilation-delay=1000000, in milliseconds.
 */
const v8 = require('v8');
const { hold } = require('./hold');

v8.setFlagsFromString('--allow-natives-syntax');

class Held { constructor(n) { this.n = n; } }
class Waiting { constructor(functions) { this.functions = functions; } }

const optimise = new Function('job', `
  %PrepareFunctionForOptimization(job);
  job({ x: 1 });
  job({ x: 2 });
  %OptimizeFunctionOnNextCall(job, 'concurrent');
  job({ x: 3 });`);

/** A function of its own source that has captured a `Held`. */
function make(n) {
  return new Function('held', `return function job${n}(a) {
    let sum = held.n;
    for (let i = 0; i < 100; i++) sum += a.x * ${n} + i;
    return sum;
  }`)(new Held(n));
}

globalThis.waiting = new Waiting(40);
(function () {
  for (let n = 0; n < waiting.functions; n++) optimise(make(n));
})();
setImmediate(() => hold({}));
