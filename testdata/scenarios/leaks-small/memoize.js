'use strict';
/*
 * A memoized function whose arguments are never the same: results by what JSON makes of them, in an object.
 */
const { run } = require('./small');

class Route { constructor(from) { this.from = from; this.stops = new Array(40).fill(from); } }

function memoize(compute) {
  const results = {};
  return function memoized(...args) {
    const key = JSON.stringify(args);
    if (!(key in results)) results[key] = compute(...args);
    return results[key];
  };
}

globalThis.route = memoize((from, at) => new Route(from + at));

run({ leaked: 'Route', owner: 'Object', holds: 'Route', paths: [['closure variable "results" of memoized']] },
  (number) => { route(number, number / 7); });
