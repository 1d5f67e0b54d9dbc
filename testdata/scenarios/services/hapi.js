'use strict';
/* hapi: routes with validation, server methods with a cache, extension points. */
const { fromPackages, loadByHttp } = require('./serve');
const Hapi = fromPackages('@hapi/hapi');

(async () => {
  const server = Hapi.server({ port: 0, host: '127.0.0.1' });
  server.method('price', async (sku) => ({ sku, price: sku.length * 1.25, history: Array.from({ length: 30 }, (_, day) => day * 1.5) }), {
    cache: { expiresIn: 1000, generateTimeout: 1000 },
  });
  server.ext('onRequest', (request, h) => { request.app.started = Date.now(); return h.continue; });
  for (let department = 0; department < 20; department++) {
    server.route({ method: 'GET', path: `/d${department}/{sku}`, handler: (request) => server.methods.price(request.params.sku) });
  }
  await server.start();
  await loadByHttp(server.info.port, (number) => `/d${number % 20}/sku-${number % 50}`);
})();
