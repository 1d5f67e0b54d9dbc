'use strict';
/*
 * Listeners that nobody takes away: each request listens for prices and never stops to. The closure holds what the request
 * had at hand.
 */
const { EventEmitter } = require('events');
const { withExpress, run } = require('./service');

class Visitor { constructor(request) { this.url = request.url; this.agent = request.get('host'); this.prices = new Array(50).fill(0.5); } }

const market = new EventEmitter();
market.setMaxListeners(0);

run(withExpress((app) => {
  app.locals.market = market;
  app.get('/leak/:number', function watchPrices(request, response) {
    const visitor = new Visitor(request);
    market.on('price', function onPrice(price) { visitor.prices.push(price); });
    response.json({ watching: visitor.url });
  });
}), { leaked: 'Function', owner: 'Array', holds: 'Visitor', paths: [['._events', '.price']] });
