'use strict';
/*
 * A service that ends on an exception that nobody catches: an order without lines is charged.
 * Run with --abort-on-uncaught-exception; the kernel writes the core.
 */
class Order {
  constructor(id, lines) { this.id = id; this.lines = lines; }
  total() {
    return this.lines.reduce((sum, line) => sum + line.price, 0);
  }
}

function charge(order) {
  return { order: order.id, cents: order.total() * 100 };
}

function handle(id) {
  const order = new Order(id, id % 3 === 0 ? null : [{ price: id }]);
  return charge(order);
}

let next = 1;
setInterval(() => handle(next++), 1);
