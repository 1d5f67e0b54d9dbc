'use strict';
/*
 * Holds a scenario's facts against the running program itself, without any debugger:
 *
 *   node verify.js kinds
 *
 * So what kinds.expected.json says of each value is what JavaScript says of it. Facts that a program cannot see
 * (captured variables, private fields, inferred names, the state of a generator) are skipped and counted.
 */
const path = require('path');
const util = require('util');

const scenario = process.argv[2] || 'kinds';
const facts = require(path.join(__dirname, scenario + '.expected.json'));
const program = require(path.join(__dirname, scenario + '.js'));
const node = Number(process.versions.node.split('.')[0]);
const failures = [];
let checked = 0, unseen = 0;

const special = new Map([['<undefined>', undefined], ['<NaN>', NaN], ['<-0>', -0], ['<Infinity>', Infinity], ['<-Infinity>', -Infinity]]);
const same = (place, expected, actual) => {
  checked++;
  if (!Object.is(expected, actual)) failures.push(`${place}: expected ${util.inspect(expected)}, found ${util.inspect(actual)}`);
};
const constructorName = (value) => Object.getPrototypeOf(value) === null ? null : value.constructor.name;

/** Own properties but for array elements: name as the facts write it -> descriptor. */
function properties(value) {
  const all = new Map();
  for (const key of Reflect.ownKeys(value)) all.set(typeof key === 'symbol' ? key.toString() : key, Object.getOwnPropertyDescriptor(value, key));
  return all;
}

function checkProperty(place, expected, descriptor) {
  if (!descriptor) { failures.push(`${place}: no such property`); return; }
  if (descriptor.get || descriptor.set) {
    const kind = [descriptor.get && 'get', descriptor.set && 'set'].filter(Boolean).join('+');
    same(place, expected, `<accessor ${kind}>`);
  } else check(place, expected, descriptor.value);
}

function checkProperties(place, fact, value, ignored = () => false) {
  const own = properties(value);
  const names = [...own.keys()].filter((name) => !ignored(name));
  if (fact.props && fact.kind === 'object' && fact.ctor !== undefined) {
    same(place + ' names', Object.keys(fact.props).sort().join(), names.sort().join());
  }
  if (fact.count !== undefined) same(place + ' count', fact.count, names.length);
  for (const [name, expected] of Object.entries({ ...fact.props, ...fact.some })) checkProperty(`${place}.${name}`, expected, own.get(name));
}

const checks = {
  object(place, fact, value) {
    if (fact.ctor !== undefined) same(place + ' constructor', fact.ctor, constructorName(value));
    checkProperties(place, fact, value);
    if (fact.private) unseen++;
  },
  array(place, fact, value) {
    same(place + ' is an array', true, Array.isArray(value));
    same(place + ' length', fact.length, value.length);
    const there = Object.keys({ ...fact.elements, ...fact.accessorAt });
    if (fact.elements) same(place + ' elements', there.join(), Object.keys(value).filter((k) => /^\d+$/.test(k)).join());
    for (const [index, expected] of Object.entries(fact.accessorAt || {})) checkProperty(`${place}[${index}]`, expected, Object.getOwnPropertyDescriptor(value, index));
    if (fact.ctor) same(place + ' constructor', fact.ctor, constructorName(value));
    for (const [index, expected] of Object.entries({ ...fact.elements, ...fact.some })) check(`${place}[${index}]`, expected, value[index]);
    for (const [name, expected] of Object.entries(fact.props || {})) check(`${place}.${name}`, expected, value[name]);
  },
  arguments(place, fact, value) {
    same(place + ' is arguments', true, util.types.isArgumentsObject(value));
    same(place + ' length', fact.length, value.length);
    for (const [index, expected] of Object.entries(fact.elements)) check(`${place}[${index}]`, expected, value[index]);
    for (const [name, expected] of Object.entries(fact.props || {})) check(`${place}.${name}`, expected, value[name]);
  },
  string(place, fact, value) {
    same(place + ' length', fact.length, value.length);
    if (fact.prefix) same(place + ' prefix', true, value.startsWith(fact.prefix));
    if (fact.suffix) same(place + ' suffix', true, value.endsWith(fact.suffix));
    if (fact.value) same(place, fact.value, value);
    if (fact.units) same(place + ' units', fact.units.join(), value.split('').map((c) => c.charCodeAt(0)).join());
  },
  bigint(place, fact, value) { same(place, fact.value, typeof value === 'bigint' ? value.toString() : value); },
  symbol(place, fact, value) { same(place, fact.description, value.description === undefined ? null : value.description); },
  function(place, fact, value) {
    same(place + ' type', 'function', typeof value);
    same(place + ' name', fact.name, value.name);
    if (fact.parameters !== undefined) same(place + ' parameters', fact.parameters, value.length);
    if (fact.class) same(place + ' is a class', true, /^class\b/.test(Function.prototype.toString.call(value)));
    for (const [name, expected] of Object.entries(fact.props || {})) check(`${place}.${name}`, expected, value[name]);
    if (fact.context || fact.inferred) unseen++;
  },
  boundfunction(place, fact, value) { same(place + ' name', fact.name, value.name); unseen++; },
  map(place, fact, value) {
    same(place + ' is a Map', true, util.types.isMap(value));
    same(place + ' size', fact.entries ? fact.entries.length : fact.size, value.size);
    if (fact.ctor) same(place + ' constructor', fact.ctor, constructorName(value));
    if (fact.entries) [...value].forEach(([k, v], i) => { check(`${place} key ${i}`, fact.entries[i][0], k); check(`${place} value ${i}`, fact.entries[i][1], v); });
  },
  set(place, fact, value) {
    same(place + ' is a Set', true, util.types.isSet(value));
    same(place + ' size', fact.values ? fact.values.length : fact.size, value.size);
    if (fact.values) [...value].forEach((v, i) => check(`${place} value ${i}`, fact.values[i], v));
  },
  weakmap(place, fact, value) { same(place + ' is a WeakMap', true, util.types.isWeakMap(value)); unseen++; },
  weakset(place, fact, value) { same(place + ' is a WeakSet', true, util.types.isWeakSet(value)); unseen++; },
  // What is collected when the heap snapshot is written is still there now.
  weakref(place, fact, value) { if (fact.collected) unseen++; else check(place + ' target', fact.target, value.deref()); },
  finalizationregistry(place, fact, value) { same(place + ' type', true, value instanceof FinalizationRegistry); unseen++; },
  other(place, fact, value) {
    same(place + ' type', fact.type, Object.prototype.toString.call(value).slice(8, -1));
    if (fact.text) same(place + ' text', fact.text, value.toString());
    if (fact.locale) same(place + ' locale', fact.locale, value.resolvedOptions().locale);
    for (const [name, expected] of Object.entries(fact.members || {})) check(`${place}.${name}`, expected, value[name]);
    if (fact.slots || fact.resources) unseen++;
  },
  generator(place, fact, value) { same(place + ' is a generator', true, util.types.isGeneratorObject(value)); unseen++; },
  asyncgenerator(place, fact, value) { same(place + ' is a generator', true, util.types.isGeneratorObject(value)); unseen++; },
  arraybuffer(place, fact, value) {
    if (!fact.detached) same(place, fact.bytes, Buffer.from(value).toString('hex'));
    same(place + ' length', fact.byteLength, value.byteLength);
    same(place + ' can be resized to', fact.maxByteLength, value.resizable ? value.maxByteLength : undefined);
    if (fact.detached) same(place + ' is detached', true, value.detached !== undefined ? value.detached : (() => { try { new Uint8Array(value); } catch { return true; } })());
  },
  sharedarraybuffer(place, fact, value) {
    same(place + ' length', fact.byteLength, value.byteLength);
    if (fact.bytes) same(place, fact.bytes, Buffer.from(value).toString('hex'));
    same(place + ' can grow to', fact.maxByteLength, value.growable ? value.maxByteLength : undefined);
  },
  typedarray(place, fact, value) {
    same(place + ' constructor', fact.ctor, Buffer.isBuffer(value) ? 'Buffer' : constructorName(value));
    same(place + ' length', fact.length, value.length);
    if (fact.byteOffset !== undefined) same(place + ' offset', fact.byteOffset, value.byteOffset);
    if (fact.values) fact.values.forEach((expected, i) => (typeof value[i] === 'bigint' ? same(`${place}[${i}]`, expected, String(value[i])) : check(`${place}[${i}]`, expected, value[i])));
    for (const [name, expected] of Object.entries(fact.props || {})) check(`${place}.${name}`, expected, value[name]);
    if (fact.note) unseen++;
    if (fact.text) same(place + ' text', fact.text, value.toString());
    for (const [index, expected] of Object.entries(fact.some || {})) same(`${place}[${index}]`, expected, value[index]);
  },
  dataview(place, fact, value) { same(place + ' length', fact.byteLength, value.byteLength); same(place + ' offset', fact.byteOffset, value.byteOffset); },
  date(place, fact, value) { check(place, fact.ms, value.getTime()); },
  regexp(place, fact, value) { for (const name of ['source', 'flags', 'lastIndex']) same(`${place} ${name}`, fact[name], value[name]); },
  wrapper(place, fact, value) { same(place + ' type', fact.type, constructorName(value)); check(place + ' value', fact.value, value.valueOf()); },
  error(place, fact, value) {
    same(place + ' is an error', true, util.types.isNativeError(value));
    same(place + ' constructor', fact.ctor, constructorName(value));
    if (fact.message !== undefined) same(place + ' message', fact.message, value.message);
    for (const [name, expected] of Object.entries(fact.props || {})) {
      const own = Object.getOwnPropertyDescriptor(value, name);
      // In some versions `stack` is an accessor.
      if (name === 'stack') check(`${place}.${name}`, expected, value[name]); else checkProperty(`${place}.${name}`, expected, own);
    }
  },
  stack(place, fact, value) { same(place, fact.text, value); },
  promise(place, fact, value) {
    for (const [name, expected] of Object.entries(fact.props || {})) check(`${place}.${name}`, expected, value[name]);
    if (fact.reactions || fact.handled !== undefined) unseen++;
    const shown = util.inspect(value);
    const status = shown.includes('<pending>') ? 'pending' : shown.includes('<rejected>') ? 'rejected' : 'fulfilled';
    same(place + ' status', fact.status, status);
    if (typeof fact.value === 'string') same(place + ' value', true, shown.includes(fact.value));
  },
  proxy(place, fact, value) { same(place + ' is a proxy', true, util.types.isProxy(value)); unseen++; },
  modulenamespace(place, fact, value) { 
    for (const [name, expected] of Object.entries(fact.exports)) {
      if (expected !== '<uninitialized>') { check(`${place}.${name}`, expected, value[name]); continue; }
      let thrown;
      try { value[name]; } catch (error) { thrown = error.name; }
      same(`${place}.${name} is uninitialized`, 'ReferenceError', thrown);
    }
  },
};

function check(place, fact, value) {
  if (fact && fact.since > node) return;
  if (fact === null || typeof fact !== 'object') same(place, special.has(fact) ? special.get(fact) : fact, value);
  else if (!checks[fact.kind]) failures.push(`${place}: no check for kind ${fact.kind}`);
  else if (value === null || value === undefined) failures.push(`${place}: is ${value}`);
  else checks[fact.kind](place, fact, value);
}

/** The keys that `get(text)` can mean, the best first. */
const keys = (text) => {
  const quoted = /^'(.*)'$/.exec(text);
  if (quoted) return [quoted[1]];
  const values = { true: true, false: false, null: null, undefined: undefined };
  if (Object.hasOwn(values, text)) return [values[text], text];
  if (/^-?\d+n$/.test(text)) return [BigInt(text.slice(0, -1)), text];
  const symbol = /^Symbol\((.*)\)$/.exec(text);
  if (symbol) return [Symbol.for(symbol[1]), text];
  return text === 'NaN' || String(Number(text)) === text ? [Number(text), text] : [text];
};

/** What no program can follow. */
const invisible = Symbol('invisible');

/** Follows a member path such as `a.b[3]['x.y'].get(key)`. */
function member(value, memberPath) {
  for (const step of memberPath.matchAll(/\.?get\(((?:[^()]|\([^()]*\))*)\)|\.?\[\[(\w+)\]\]|\.?(#\w+)|\.?([^.[\]]+)|\['([^']*)'\]/g)) {
    if (value === undefined) return undefined;
    const [, key, slot, hidden, name, quoted] = step;
    if (key !== undefined) { const found = keys(key).filter((k) => value.has(k)); value = found.length > 0 ? value.get(found[0]) : undefined; }
    else if (slot === 'Prototype') value = Object.getPrototypeOf(value);
    else if (slot === 'Entries' && (value instanceof Map || value instanceof Set)) value = [...value].map((entry) => (Array.isArray(entry) ? { key: entry[0], value: entry[1] } : { value: entry }));
    else if (slot !== undefined || hidden !== undefined) return invisible;
    else value = value[quoted === undefined ? name : quoted];
  }
  return value;
}

async function main() {
  const root = await program.ready();
  for (const [memberPath, fact] of Object.entries(facts.values)) {
    if (fact && fact.since > node) continue;
    const value = member(root, memberPath);
    if (value === invisible) unseen++;
    else check(memberPath, fact, value);
  }
  for (const [name, count] of Object.entries(facts.populations || {})) same('populations.' + name, count, root.populations[name].length);
  for (const failure of failures) console.error(failure);
  console.log(`${scenario}: ${checked} checks, ${failures.length} failed, ${unseen} values hold facts that a program cannot see`);
  process.exit(failures.length ? 1 : 0);
}
main();
