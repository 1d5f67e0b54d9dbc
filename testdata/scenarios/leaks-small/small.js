'use strict';
/*
 * What the small programs that leak have in common: something healthy beside the leak, how often the leak happens, and the end. They
 * need no packages and are done at once.
 *
 *   --requests=N     how often the program leaks
 */
const { EventEmitter } = require('events');
const { hold, option } = require('../hold');

const REQUESTS = Number(option('requests', 400));

class Product { constructor(number) { this.sku = 'sku-' + number; this.price = number * 1.25; this.tags = ['a' + number, 'b']; } }
class Session { constructor(number) { this.user = 'user-' + number; this.rights = ['read', 'write']; this.seen = 0; } }

/** What a healthy program keeps, which does not grow. */
class Shop extends EventEmitter {
  constructor() {
    super();
    this.products = [];
    for (let number = 0; number < 100; number++) this.products.push(new Product(number));
    this.sessions = new Map();
    for (let number = 0; number < 30; number++) this.sessions.set('session-' + number, new Session(number));
    this.last = new Array(16).fill(null);
    this.served = 0;
    this.on('served', (number) => { this.last[this.served++ % this.last.length] = { number }; });
    this.beat = setInterval(() => this.emit('beat'), 60000);
  }
}

globalThis.shop = new Shop();

/**
 * Makes the program leak so often: `grow(n)` leaks once. Then says the truth about it, as leaks/service.js describes it, and holds, or does
 * what `end` says. Besides, `truth` may have `unread`, a captured variable that nobody reads; `stores`, what an AsyncLocalStorage has;
 * `alive`, how many objects of the class `holds` there are; and `diff`, what the row of the owner says when two of them are compared, if it is
 * not owner and constructor. `verdict` are words of the verdict of a report, and `counts: false` says that how many more there are than in an
 * older core is not how much oftener it has leaked.
 */
function run(truth, grow, end = () => hold({ leak: truth })) {
  for (let number = 0; number < REQUESTS; number++) {
    shop.emit('served', number);
    grow(number);
  }
  truth.count = truth.few ?? REQUESTS;
  truth.held = REQUESTS;
  setTimeout(end, 20);
}

module.exports = { run, REQUESTS };
