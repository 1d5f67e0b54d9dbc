'use strict';
/*
 * Listeners for the abort of a signal that lives as long as the process: one for each request, never taken away.
 */
const { run } = require('./small');
const { setMaxListeners } = require('events');

class Fetch { constructor(number) { this.number = number; this.parts = new Array(40).fill(number + 0.5); this.open = true; } }

const shutdown = new AbortController();
setMaxListeners(0, shutdown.signal);
globalThis.service = { shutdown };

run({ leaked: 'Listener', owner: 'Object', holds: 'Fetch', paths: [['map value of key "abort"']] }, (number) => {
  const fetching = new Fetch(number);
  shutdown.signal.addEventListener('abort', function onAbort() { fetching.open = false; });
});
