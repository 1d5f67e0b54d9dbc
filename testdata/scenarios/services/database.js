'use strict';
/* knex builds statements, and SQLite as WebAssembly runs them: a schema, prepared statements that are freed, a pool of results. */
const http = require('http');
const { fromPackages, loadByHttp, listen } = require('./serve');
const knex = fromPackages('knex')({ client: 'sqlite3', useNullAsDefault: true });
const initSqlJs = fromPackages('sql.js');

(async () => {
  const { Database } = await initSqlJs();
  const database = new Database();
  const run = (query) => { const { sql, bindings } = query.toSQL().toNative(); return database.exec(sql, bindings); };
  database.run('create table users (id integer primary key, name text, age integer)');
  for (let id = 0; id < 500; id++) run(knex('users').insert({ id, name: 'user ' + id, age: id % 90 }));
  const server = http.createServer((request, response) => {
    const id = Number(request.url.slice(1));
    const rows = run(knex('users').select('id', 'name').where('age', '>', id % 90).orderBy('name').limit(20));
    if (id % 7 === 0) run(knex('users').where({ id: id % 500 }).update({ age: id % 90 }));
    response.end(JSON.stringify(rows));
  });
  await loadByHttp(await listen(server), (number) => '/' + number);
})();
