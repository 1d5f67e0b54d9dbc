'use strict';
/*
 * Contexts of the module `vm`: some are held by their objects, by a function, or by an instance of theirs; others are dropped, and
 * as many are made and dropped after all garbage was collected, so that the core holds them as garbage.
 */
const vm = require('vm');
const { hold } = require('./hold');

const script = new vm.Script(`
  class Inside { constructor(n) { this.n = n; } }
  list = Array.from({ length: 20 }, (_, n) => new Inside(n));
  function read() { return list; }`);

function make() {
  const context = vm.createContext({ list: null });
  script.runInContext(context);
  return context;
}

class Keeper {
  constructor() {
    this.contexts = [make(), make(), make()];
    this.reader = vm.runInContext('read', make());
    this.instance = make().list[7];
  }
}
globalThis.keeper = new Keeper();

function drop() { for (let n = 0; n < 30; n++) make(); }
drop();
hold.last = drop;
setImmediate(() => hold({}));
