'use strict';
/*
 * A database in memory for each tenant, which nobody closes: the add-on, written in Rust around SQLite, has it as native memory.
 */
const { withExpress, run, fromPackages } = require('./service');

const Database = fromPackages('libsql');
/** What malloc counts for each (mallinfo2 of processes with 400 and with 800), on every line of Node.js: 33 pages of 4 KB, and what SQLite has beside them. */
const EACH = 226_400;

class Tenant {
  constructor(url) {
    this.url = url;
    this.database = new Database(':memory:');
    this.database.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY, text TEXT)');
    const insert = this.database.prepare('INSERT INTO orders (text) VALUES (?)');
    for (let number = 0; number < 60; number++) insert.run(url.padEnd(1500, 'x'));
  }
}

run(withExpress((app) => {
  app.locals.tenants = new Map();
  app.get('/leak/:number', function open(request, response) {
    const tenant = new Tenant(request.url);
    request.app.locals.tenants.set(request.url, tenant);
    response.json(tenant.database.prepare('SELECT count(*) AS orders FROM orders').get());
  });
}), { leaked: 'External', holds: 'Tenant', paths: [['.locals', '.tenants', '.database', '.db']], native: { each: EACH, class: 'v8impl::Reference' } });
