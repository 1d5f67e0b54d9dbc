'use strict';
/*
 * Calls that wait for an answer which never comes: the function that would settle the promise is kept by number, and with it everything
 * that the suspended function still has.
 */
const { run } = require('./small');

class Order { constructor(number) { this.number = number; this.lines = new Array(50).fill(number + 0.5); } }

class Broker {
  constructor() { this.waiting = new Map(); }
  ask(number) { return new Promise((resolve) => { this.waiting.set(number, resolve); }); }
}
globalThis.broker = new Broker();

async function handle(number) {
  const order = new Order(number);
  const answer = await broker.ask(number);
  return order.lines.length + answer;
}

run({ leaked: 'Function', owner: 'Map', holds: 'Order', paths: [['.broker', '.waiting']] }, (number) => { handle(number); });
