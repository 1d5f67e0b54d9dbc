'use strict';
/*
 * Ports of channels, one for each subscriber, at which nobody listens: the messages that were sent wait in native memory. A port that
 * is open is held by Node.js itself.
 */
const { MessageChannel } = require('worker_threads');
const { hold } = require('../hold');
const { run } = require('./small');

const MESSAGES = 10;
const LENGTH = 2000;
/** The texts, and what malloc counts for a port and for messages beside them (mallinfo2 of processes with 400 and with 800). */
const EACH = MESSAGES * LENGTH + 4100;

class Subscriber { constructor(number) { this.number = number; } }

globalThis.subscribers = new Map();
const truth = { leaked: 'MessagePort', holds: 'Subscriber', paths: [], native: { each: EACH, class: 'MessagePort' } };
run(truth,
  (number) => {
    const { port1, port2 } = new MessageChannel();
    for (let message = 0; message < MESSAGES; message++) port2.postMessage('m'.repeat(LENGTH));
    port2.close();
    const subscriber = new Subscriber(number);
    subscriber.port = port1;
    subscribers.set(number, subscriber);
  },
  // What is closed goes a little later.
  () => setTimeout(hold, 500, { leak: truth }));
