'use strict';
/*
 * What a WeakMap knows of objects that two lists keep: it lives as long as these do. A second WeakMap has something for each of them.
 */
const { run, REQUESTS } = require('./small');

class Connection { constructor(number) { this.number = number; } }
class Account { constructor(number) { this.number = number; } }
class Statement { constructor(number) { this.number = number; this.lines = new Array(80).fill(number + 0.5); } }
class Pool { constructor() { this.all = new Set(); this.byNumber = new Map(); } }

const accounts = new WeakMap();
const statements = new WeakMap();
globalThis.pool = new Pool();

run({
  leaked: 'Connection', owner: 'Pool', holds: 'Statement', paths: [['.pool']],
  weakValues: [['accounts', REQUESTS], ['statements', REQUESTS]],
}, (number) => {
  const connection = new Connection(number);
  const account = new Account(number);
  pool.all.add(connection);
  pool.byNumber.set(number, connection);
  accounts.set(connection, account);
  statements.set(account, new Statement(number));
});
