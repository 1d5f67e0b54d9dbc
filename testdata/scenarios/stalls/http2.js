'use strict';
// A server of HTTP/2 that answers some requests, forgets some, and never ends the answers to others; its client waits for all of them,
// and for some over a session that gets no connection.
const http2 = require('http2');
const net = require('net');
const { STUCK, ready } = require('./stalled');

const forgotten = [];

function forgets(request, response) { // FORGETS
  if (request.url.startsWith('/exists/')) response.end('yes');
  else if (request.url.startsWith('/stream/')) response.write('begun');
  else forgotten.push(response);
}

function asks(session, path) {
  const stream = session.request({ ':path': path });
  stream.on('response', function answered() { this.resume(); }); // ASKS
  stream.end();
}

const server = http2.createServer();
server.on('request', forgets);
server.listen(0, '127.0.0.1', () => {
  const session = http2.connect('http://127.0.0.1:' + server.address().port);
  for (let number = 0; number < STUCK; number++) {
    asks(session, '/exists/' + number);
    asks(session, '/price/' + number);
  }
  for (let number = 0; number < 7; number++) asks(session, '/stream/' + number);
  const open = session.request({ ':path': '/upload', ':method': 'POST' });
  open.write('first');
  // The name is never looked up.
  const lookup = () => {};
  const never = http2.connect('http://nowhere', { createConnection: () => net.connect({ host: 'nowhere', port: 1, lookup }) });
  for (let number = 0; number < 5; number++) asks(never, '/never/' + number);
  ready();
});
