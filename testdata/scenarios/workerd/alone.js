'use strict';
/*
 * What kinds.js takes from Node.js and from its neighbours, as far as workerd has none of it or forbids it while a worker is loaded.
 * Contexts of their own are not there, nor code from strings: what should come of these is left empty.
 */
globalThis.setTimeout = () => ({ unref() {} });
globalThis.AbortController = class {};
globalThis.Function = function () { return () => null; };
globalThis.MessageChannel ??= class {};
globalThis.WeakRef ??= class {};
globalThis.FinalizationRegistry ??= class { register() {} };

module.exports = {
  hold() {},
  EventEmitter: class { on() {} },
  createHash() {},
  option: (_, otherwise) => otherwise,
  createContext: (object) => object,
  runInContext(_, object) { Object.assign(object, { foreigners: [], plain: {}, list: [], error: null, inside: null }); },
};
