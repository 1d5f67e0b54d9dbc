'use strict';
/*
 * Captured variables in scopes of every kind, half of which nobody reads any more. Those begin with `un`, all others are read by a
 * function that lives, or may be: the ones of each maker are `read...` and `unread...` with its name. What a suspended call has read
 * already counts as read as well.
 */
const vm = require('vm');
const { hold } = require('../hold');

class Thing { constructor(name) { this.name = name; this.weight = new Array(20).fill(0.5); } }
const kept = globalThis.kept = [];
const thing = (name) => new Thing(name);
/** Calls a function once, so that it is compiled, and keeps it. */
const keep = (run) => { run(); kept.push(run); };

globalThis.makers = {
  plain() { const unreadPlain = thing('p'), readPlain = thing('p'); (() => unreadPlain)(); keep(() => readPlain); },
  written() { var unreadWritten = thing('w'); (() => unreadWritten)(); const readWritten = thing('w'); keep(() => { if (!readWritten) unreadWritten = 1; return readWritten; }); },
  nested() {
    const readNested = thing('n'), unreadNested = thing('n');
    (() => unreadNested)();
    keep(() => { const readInner = thing('n'); kept.push(() => () => [readInner, readNested]); });
  },
  blocks(which = 2) {
    const readOuter = thing('b'), unreadOuter = thing('b');
    (() => unreadOuter)();
    for (let turn = 0; turn < 3; turn++) {
      const readBlock = thing('b'), unreadBlock = thing('b');
      (() => unreadBlock)();
      if (turn === 0) continue;
      if (turn === which) { keep(() => [readBlock, turn, readOuter]); break; }
    }
    keep(() => readOuter);
  },
  caught() {
    const readBefore = thing('c');
    try { const unreadTried = thing('c'); (() => unreadTried)(); throw thing('c'); }
    catch (readCaught) { const unreadCaught = thing('c'); (() => unreadCaught)(); keep(() => [readCaught, readBefore]); }
    finally { const readFinally = thing('c'), unreadFinally = thing('c'); (() => unreadFinally)(); keep(() => readFinally); }
  },
  uncalled() { const readUncalled = thing('u'), unreadUncalled = thing('u'); (() => unreadUncalled)(); kept.push(() => readUncalled); },
  suspended() {
    function* steps() { const readSuspended = thing('s'), readBefore = thing('s'); (() => readBefore)(); yield 1; const later = () => readSuspended; yield later(); }
    const open = steps(); open.next(); kept.push(open);
  },
  parameters(readParameter = thing('a'), unreadParameter = thing('a')) { (() => unreadParameter)(); keep(() => readParameter); },
  method() { const readMethod = thing('m'), unreadMethod = thing('m'); (() => unreadMethod)(); class Holder { #own = readMethod; get own() { return this.#own; } } kept.push(Holder); new Holder(); },
  evaluated() { const readEvaluated = thing('e'), readToo = thing('e'); (() => readToo)(); keep((text = '1') => [eval(text), readEvaluated]); },
  many() {
    let source = '', names = [];
    for (let n = 0; n < 300; n++) { source += `const ${n % 2 ? 'unreadMany' : 'readMany'}${n} = thing('many'); `; names.push(`${n % 2 ? 'unreadMany' : 'readMany'}${n}`); }
    vm.runInThisContext(`(function (thing, keep) { ${source} (() => [${names.join()}])(); keep(() => [${names.filter((name) => name.startsWith('read')).join()}]); })`)(thing, keep);
  },
};
for (const maker of Object.values(makers)) maker();

// What sloppy code does: `with`, and `arguments` that are the parameters.
vm.runInThisContext(`(function (thing, keep, kept) {
  (function () { const readWith = thing('i'), unreadWith = thing('i'); (() => unreadWith)(); const box = { a: 1 }; with (box) { keep(() => [a, readWith]); } })();
  (function (readArgument) { kept.push(arguments); (() => readArgument)(); })(thing('g'));
})`)(thing, keep, kept);

const unread = [];
const names = 'Plain Written Nested Outer Block Tried Caught Finally Uncalled Parameter Method With'.split(' ');
// Nothing that lives has the context of what was tried.
for (const name of names) if (name !== 'Tried') unread.push('unread' + name);
for (let n = 1; n < 300; n += 2) unread.push('unreadMany' + n);
setTimeout(() => hold({ leak: { unreadKinds: unread.sort() } }), 20);
