'use strict';
/*
 * Timers that nobody stops, each of which remembers the store of the request that set it; and a storage that nobody uses. The process
 * holds while a request runs with a store of its own.
 */
const { AsyncLocalStorage } = require('async_hooks');
const { run } = require('./small');
const { hold } = require('../hold');

class Profile { constructor(number) { this.number = number; this.marks = new Array(40).fill(number + 0.5); } }

const requests = new AsyncLocalStorage({ name: 'requests' });
const quiet = new AsyncLocalStorage();
globalThis.quiet = quiet;

function serve(number) {
  requests.run(new Profile(number), () => { setTimeout(function expire() {}, 3600000).unref(); });
}

const truth = {
  leaked: 'Timeout', owner: 'TimersList', holds: 'Profile', paths: [['[3600000]']],
  verdict: ['held by timerListMap[3600000]', 'Profile of AsyncLocalStorage requests'],
  stores: { storage: 'requests', of: 'Profile', heldBy: 'Timeout', name: requests.name },
};
run(truth, serve, () => {
  truth.held += 1;
  truth.stores.count = truth.held;
  requests.run(new Profile(-1), () => hold({ leak: truth }));
});
