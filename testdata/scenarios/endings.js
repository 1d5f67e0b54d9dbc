'use strict';
/*
 * Ends in the way that its first argument names, as services do: `xtask endings` holds what `::jscrash` says of the core against what the
 * process wrote on its standard error, word for word.
 */
const how = process.argv[2];

class Order {
  constructor(lines) { this.lines = lines; }
  total() { return this.lines.reduce((sum, line) => sum + line.price, 0); }
}

function charge(order) { return order.total() * 100; }

function deeper(depth) { return deeper(depth + 1) + 1; }

function fill(size) {
  const all = [];
  for (;;) all.push(new Array(size).fill(7));
}

const ways = {
  error() { charge(new Order(null)); },
  string() { throw 'no such order: 42'; },
  object() { throw new Order([]); },
  number() { throw 42.5; },
  nothing() { throw undefined; },
  list() { throw [1, 2]; },
  rejection() { Promise.reject(new TypeError('nobody waits for this')); },
  reason() { Promise.reject('out of stock'); },
  overflow() { deeper(0); },
  abort() { process.abort(); },
  memory() { fill(1000); },
  huge() { fill(5e6); },
  /* Too few arguments for the function below fs.open(). */
  assertion() { require('internal/test/binding').internalBinding('fs').open(); },
  /* What only V8's own tests may call. */
  check() { new Function('return %NeverOptimizeFunction(1)')(); },
  fault() { require(process.argv[3])(); },
  term() { process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000); },
  exit() {
    process.on('exit', () => {
      require('fs').writeSync(1, 'READY ' + process.pid + '\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });
    process.exit(7);
  },
};

function end() { ways[how](); }

setTimeout(end, 10);
