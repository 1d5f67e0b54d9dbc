'use strict';
/* Fastify: schemas, plugins, decorators, hooks, and its logger. */
const { fromPackages, loadByHttp } = require('./serve');
const { Writable } = require('stream');
const app = fromPackages('fastify')({ logger: { level: 'info', stream: new Writable({ write(chunk, encoding, done) { done(); } }) } });

const order = { type: 'object', properties: { number: { type: 'integer' }, lines: { type: 'array', items: { type: 'string' } } } };
app.decorateRequest('user', null);
app.addHook('preHandler', async (request) => { request.user = { name: 'user-' + (request.id.length % 7) }; });
app.register(async (scope) => {
  for (let version = 1; version < 12; version++) {
    scope.get(`/v${version}/orders/:number`, { schema: { response: { 200: order }, params: { type: 'object', properties: { number: { type: 'integer' } } } } }, async (request) => ({ number: request.params.number, lines: ['a', 'b'] }));
  }
}, { prefix: '/api' });

app.listen({ port: 0, host: '127.0.0.1' }).then(() => loadByHttp(app.server.address().port, (number) => `/api/v${1 + number % 11}/orders/${number}`));
