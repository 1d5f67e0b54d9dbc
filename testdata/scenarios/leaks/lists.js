'use strict';
/*
 * Lists in a Map: each request adds to one of forty lists. That is one leak, of lists, and not forty of what is in them.
 */
const { withFastify, run } = require('./service');

class Trace { constructor(number) { this.number = number; this.spans = new Array(40).fill(number + 0.5); } }

const byHost = new Map();
run(withFastify((app) => {
  app.get('/leak/:number', async function trace(request) {
    const number = Number(request.params.number);
    const host = 'host-' + (number % 40);
    if (!byHost.has(host)) byHost.set(host, []);
    byHost.get(host).push(new Trace(number));
    return number;
  });
}), { leaked: 'Array', owner: 'Map', holds: 'Trace', few: 40, alone: true, paths: [['closure variable "byHost" of trace']] });
