'use strict';
/* prom-client: the metrics of the process and of routes, with a bounded number of labels; asked for by a collector. */
const http = require('http');
const { fromPackages, loadByHttp, listen } = require('./serve');
const client = fromPackages('prom-client');

client.collectDefaultMetrics();
const latency = new client.Histogram({ name: 'http_seconds', help: 'seconds', labelNames: ['route', 'status'], buckets: [0.01, 0.05, 0.1, 0.5, 1] });
const requests = new client.Counter({ name: 'http_requests', help: 'requests', labelNames: ['route'] });
const server = http.createServer(async (request, response) => {
  const route = request.url.split('/')[1];
  const end = latency.startTimer({ route });
  requests.inc({ route });
  const body = request.url === '/metrics' ? await client.register.metrics() : 'ok';
  end({ status: '200' });
  response.end(body);
});
listen(server).then((port) => loadByHttp(port, (number) => (number % 50 === 0 ? '/metrics' : `/route${number % 12}/${number}`)));
