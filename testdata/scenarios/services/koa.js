'use strict';
/* Koa: middleware of async functions, a context for each request, sessions with an end. */
const http = require('http');
const { fromPackages, loadByHttp, listen } = require('./serve');
const Koa = fromPackages('koa');

class Session { constructor(user) { this.user = user; this.visits = 0; } }
const sessions = new Map();
const app = new Koa();
app.use(async (context, next) => { const start = Date.now(); await next(); context.set('x-time', String(Date.now() - start)); });
app.use(async (context, next) => {
  const user = 'user-' + (Number(context.query.n) % 40);
  if (!sessions.has(user)) sessions.set(user, new Session(user));
  sessions.get(user).visits++;
  context.state.session = sessions.get(user);
  await next();
});
app.use(async (context) => { context.body = { user: context.state.session.user, visits: context.state.session.visits }; });

listen(http.createServer(app.callback())).then((port) => loadByHttp(port, (number) => '/?n=' + number));
