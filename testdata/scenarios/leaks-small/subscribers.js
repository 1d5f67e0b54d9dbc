'use strict';
/*
 * Subscribers of a diagnostics channel, one for each plugin that is loaded, never taken away.
 */
const { channel } = require('diagnostics_channel');
const { run } = require('./small');

class Plugin { constructor(number) { this.number = number; this.seen = new Array(40).fill(number + 0.5); } }

const requests = channel('app.requests');
globalThis.requests = requests;
globalThis.Plugin = Plugin;

run({ leaked: 'Function', owner: 'Array', holds: 'Plugin', paths: [['.requests', '._subscribers']] }, (number) => {
  const plugin = new Plugin(number);
  requests.subscribe(() => { plugin.seen[0]++; });
});
