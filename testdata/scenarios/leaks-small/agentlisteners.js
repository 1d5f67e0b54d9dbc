'use strict';
/*
 * Listeners on the global agent of HTTP, which lives as long as the process: each client adds one to learn when its quota is used up.
 */
const http = require('http');
const { run } = require('./small');

class Client { constructor(number) { this.number = number; this.retries = new Array(40).fill(number + 0.5); } watch(agent) { agent.on('quota', () => { this.retries[0]++; }); } }

globalThis.Client = Client;
http.globalAgent.setMaxListeners(0);
globalThis.agent = http.globalAgent;

run({ leaked: 'Function', owner: 'Array', holds: 'Client', paths: [['._events', '.quota']] }, (number) => { new Client(number).watch(http.globalAgent); });
