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
    if (fact.elements) same(place + ' elements', Object.keys(fact.elements).join(), Object.keys(value).filter((k) => /^\d+$/.test(k)).join());
    if (fact.ctor) same(place + ' constructor', fact.ctor, constructorName(value));
    for (const [index, expected] of Object.entries({ ...fact.elements, ...fact.some })) check(`${place}[${index}]`, expected, value[index]);
    for (const [name, expected] of Object.entries(fact.props || {})) check(`${place}.${name}`, expected, value[name]);
  },
  arguments(place, fact, value) {
    same(place + ' is arguments', true, util.types.isArgumentsObject(value));
    same(place + ' length', fact.length, value.length);
    for (const [index, expected] of Object.entries(fact.elements)) check(`${place}[${index}]`, expected, value[index]);
  },
  string(place, fact, value) {
    same(place + ' length', fact.length, value.length);
    if (fact.prefix) same(place + ' prefix', true, value.startsWith(fact.prefix));
    if (fact.suffix) same(place + ' suffix', true, value.endsWith(fact.suffix));
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
  weakref(place, fact, value) { check(place + ' target', fact.target, value.deref()); },
  other(place, fact, value) { same(place + ' type', fact.type, Object.prototype.toString.call(value).slice(8, -1)); },
  generator(place, fact, value) { same(place + ' is a generator', true, util.types.isGeneratorObject(value)); unseen++; },
  asyncgenerator(place, fact, value) { same(place + ' is a generator', true, util.types.isGeneratorObject(value)); unseen++; },
  arraybuffer(place, fact, value) { same(place, fact.bytes, Buffer.from(value).toString('hex')); same(place + ' length', fact.byteLength, value.byteLength); },
  sharedarraybuffer(place, fact, value) { same(place + ' length', fact.byteLength, value.byteLength); },
  typedarray(place, fact, value) {
    same(place + ' constructor', fact.ctor, constructorName(value));
    same(place + ' length', fact.length, value.length);
    if (fact.byteOffset !== undefined) same(place + ' offset', fact.byteOffset, value.byteOffset);
    if (fact.values) same(place + ' values', fact.values.join(), value.join());
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
    for (const [name, expected] of Object.entries(fact.props || {})) check(`${place}.${name}`, expected, value[name]);
  },
  promise(place, fact, value) {
    const shown = util.inspect(value);
    const status = shown.includes('<pending>') ? 'pending' : shown.includes('<rejected>') ? 'rejected' : 'fulfilled';
    same(place + ' status', fact.status, status);
    if (typeof fact.value === 'string') same(place + ' value', true, shown.includes(fact.value));
  },
  proxy(place, fact, value) { same(place + ' is a proxy', true, util.types.isProxy(value)); unseen++; },
  modulenamespace(place, fact, value) { for (const [name, expected] of Object.entries(fact.exports)) check(`${place}.${name}`, expected, value[name]); },
};

function check(place, fact, value) {
  if (fact === null || typeof fact !== 'object') same(place, special.has(fact) ? special.get(fact) : fact, value);
  else if (!checks[fact.kind]) failures.push(`${place}: no check for kind ${fact.kind}`);
  else if (value === null || value === undefined) failures.push(`${place}: is ${value}`);
  else checks[fact.kind](place, fact, value);
}

/** Follows a member path such as `a.b[3]['x.y']`. */
function member(value, memberPath) {
  for (const step of memberPath.matchAll(/\.?([^.[\]]+)|\['([^']*)'\]/g)) value = value === undefined ? undefined : value[step[2] ?? step[1]];
  return value;
}

async function main() {
  const root = await program.ready();
  for (const [memberPath, fact] of Object.entries(facts.values)) check(memberPath, fact, member(root, memberPath));
  for (const [name, count] of Object.entries(facts.populations || {})) same('populations.' + name, count, root.populations[name].length);
  for (const failure of failures) console.error(failure);
  console.log(`${scenario}: ${checked} checks, ${failures.length} failed, ${unseen} values hold facts that a program cannot see`);
  process.exit(failures.length ? 1 : 0);
}
main();
