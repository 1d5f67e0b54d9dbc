'use strict';
// A web service with a pool of database connections: one way out of a report does not give its connection back. When all are gone, every
// request waits for one.
const { fromPackages, STUCK, listen, ask, ready } = require('./stalled');
const { Pool } = fromPackages('tarn');

class Connection {
  constructor(number) { this.number = number; this.queries = 0; }
  async query(text) { this.queries++; return text.length; }
}

let connections = 0;
const pool = new Pool({
  create: async () => new Connection(++connections),
  destroy: () => {},
  min: 0,
  max: 4,
  acquireTimeoutMillis: 3_600_000,
  propagateCreateError: true,
});

async function report(user) {
  const connection = await pool.acquire().promise;
  const rows = await connection.query('select * from reports');
  if (rows > user) return null;
  pool.release(connection);
  return rows;
}

async function order(user) {
  const connection = await pool.acquire().promise; // WAITS
  try {
    return await connection.query('select * from orders where user = ' + user);
  } finally {
    pool.release(connection);
  }
}

listen(async (request, response) => { // SERVES
  const user = Number(new URL(request.url, 'http://localhost').searchParams.get('user'));
  response.end(String(await (request.url.startsWith('/report') ? report(user) : order(user))));
}).then((address) => {
  for (let user = 0; user < 4; user++) ask(address, '/report?user=' + user);
  setTimeout(() => {
    for (let user = 0; user < STUCK; user++) ask(address, '/order?user=' + user);
    ready();
  }, 300);
});
