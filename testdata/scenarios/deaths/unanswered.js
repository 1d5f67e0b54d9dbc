'use strict';
/*
 * A service that answers no more, and uses no processor: handlers that forget their requests. Nothing of the program leads to these;
 * only their connections do. It asks itself, so that both ends are in one core, in each state that a request can be in.
 */
const http = require('http');

const prices = new Map([['tea', 3]]);
const numbers = [];

function lookUp(name, callback) {
  if (prices.has(name)) callback(prices.get(name)); // and else?
}

function handle(request, response) {
  const [, kind, name] = request.url.split('/');
  if (kind === 'price') lookUp(name, (found) => response.end(String(found)));
  else if (kind === 'stream') response.write('the first line\n');
  else if (kind === 'film') response.end(Buffer.alloc(16 << 20));
  else request.on('data', (piece) => numbers.push(piece.length));
}

const server = http.createServer(handle).listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const agent = new http.Agent({ maxSockets: 1 });
  const ask = (path, options) => http.get({ port, host: '127.0.0.1', path, agent: false, ...options }, (answer) => answer.resume());
  for (let number = 0; number < 12; number++) ask('/price/coffee?' + number);
  for (let number = 0; number < 2; number++) ask('/stream/' + number);
  // Of these one has the only connection, and the others wait for it.
  for (let number = 0; number < 5; number++) ask('/price/milk?' + number, { agent });
  http.get({ port, host: '127.0.0.1', path: '/film/1', agent: false }, function unread(answer) { numbers.push(answer.statusCode); });
  http.request({ port, host: '127.0.0.1', path: '/upload/1', method: 'POST', agent: false }).write('begun');
  setTimeout(() => console.log('ready'), 500);
});
