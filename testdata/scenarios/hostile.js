'use strict';
/*
 * Text that means harm, wherever a program can put text: in values, names of properties, of classes, of functions and of scripts,
 * in symbols, errors, Maps, Sets, regular expressions and the title of the process. Each kind of text does something else to
 * whoever prints it as it is:
 *
 *   commands of terminals (CSI, OSC 0, 8 and 52, DCS), in their forms of seven and of eight bits
 *   characters that turn the order of others around, or that show nothing
 *   halves of surrogate pairs, which strict readers of JSON refuse
 *   line ends with lines behind them that look like ours, and what a shell would run
 *
 * And scripts whose source maps name files that are none of theirs. Nothing of it may reach a terminal, a line of JSON, or a file.
 */
const vm = require('vm');
const { hold } = require('./hold');

const ESC = '\x1b', CSI = '\x9b', BEL = '\x07', ST = '\x9c';
const TEXTS = {
  clipboard: `${ESC}]52;c;cm0gLXJmIH4K${BEL}`,
  link: `${ESC}]8;;http://127.0.0.1/${ESC}\\text${ESC}]8;;${ESC}\\`,
  title: `${ESC}]0;title${BEL}`,
  screen: `${ESC}[2J${ESC}[H${ESC}[31;5m`,
  device: `${ESC}P+q544e${ESC}\\`,
  eightBits: `${CSI}2J\x9d0;title${ST}\x85\x90`,
  turned: '\u202egpj.exe\u202c \u2066x\u2069 \u061c\u200f',
  hidden: 'a\u200b\u200d\ufeff\u00ad\u2060b\u180e\ufffa',
  tags: '\u{e0041}\u{e0042}\u{e007f}',
  halves: '\ud800x\udc00',
  half: 'y\udbff',
  lines: 'first\n> ::status\r\nv8mdb: done\u2028\u2029',
  returned: 'aaaa\rbbbb\x08\x08',
  zeros: 'a\0b\x7f\x01',
  quotes: 'a"b\'c`d\\e$(touch X)`touch Y`;&|<>',
};

/** One way to put a text into a heap. */
const WAYS = {
  value: text => ({ value: text, list: [text, text], [text]: text, inner: { [text + '2']: { [text]: 1 } } }),
  symbol: text => ({ [Symbol(text)]: Symbol(text), shared: Symbol.for(text) }),
  entries: text => ({ map: new Map([[text, text], [{ [text]: 1 }, text]]), set: new Set([text]) }),
  class: text => { const C = { [text]: class { constructor() { this.own = text; } } }[text]; return [new C(), new C()]; },
  named: text => {
    class Named {}
    Object.defineProperty(Named, 'name', { value: text });
    return [new Named(), new Named()];
  },
  function: text => ({ [text]: function () { return text; } })[text],
  closure: text => vm.runInThisContext(
    `(function (captured) { return function inner() { return captured + ${JSON.stringify(text)}; }; })`,
    { filename: text + '.js' })(text),
  evaluated: text => eval(`(function () { return 1; })\n//# sourceURL=${text.replace(/[\s\u2028\u2029]/g, '')}`),
  error: text => { const error = new Error(text); error.name = text; error[text] = text; error.stack; return error; },
  pattern: text => new RegExp(text.replace(/[\\^$.*+?()[\]{}|/\r\n\u2028\u2029]/g, '') || 'x'),
  bytes: text => Buffer.from(text),
  boxed: text => Object(text),
  rope: text => { let rope = text + text; for (let i = 0; i < 20; i++) rope = rope + String(i) + text; return rope; },
};

class Hostile {
  constructor() {
    for (const [kind, text] of Object.entries(TEXTS)) {
      this[kind] = {};
      for (const [way, make] of Object.entries(WAYS)) this[kind][way] = make(text);
    }
  }
}

/** The text of a source map that names `sources`, all of them for the first line. */
const map = sources => JSON.stringify({ version: 3, sources, names: [], mappings: 'AAAA' });
const inline = sources =>
  `data:application/json;base64,${Buffer.from(map(sources)).toString('base64')}`;

/** Scripts that say that they come from elsewhere. */
const MAPS = {
  password: inline(['/etc/passwd']),
  up: inline(['../../../../../../etc/passwd']),
  url: inline(['file:///etc/passwd']),
  host: inline(['/etc/hostname']),
  process: inline(['/proc/self/environ']),
  file: '/etc/passwd',
  fifo: '/tmp/v8mdb-hostile-fifo',
  network: 'http://127.0.0.1:1/x.map',
  missing: '/nonexistent/x.map',
};

class Mapped {
  constructor() {
    for (const [name, url] of Object.entries(MAPS)) {
      const text = `(function ${name}() { return '${name}'; })\n//# sourceMappingURL=${url}`;
      this[name] = vm.runInThisContext(text, { filename: `/srv/app/${name}.js` });
    }
  }
}

globalThis.hostile = { hostile: new Hostile(), mapped: new Mapped() };
process.title = TEXTS.title;
hold();
