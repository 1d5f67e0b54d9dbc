'use strict';
/*
 * An agent of its own for each request, kept for the next one to the same customer, which never comes.
 */
const http = require('http');
const { run } = require('./small');

class Account { constructor(number) { this.number = number; this.marks = new Array(40).fill(number + 0.5); } }
class Pool { constructor() { this.agents = new Map(); } agentFor(account) { const agent = new http.Agent({ keepAlive: true }); agent.account = account; this.agents.set(account.number, agent); } }
globalThis.pool = new Pool();

run({ leaked: 'Agent', owner: 'Map', holds: 'Account', paths: [['.pool', '.agents']] }, (number) => { pool.agentFor(new Account(number)); });
