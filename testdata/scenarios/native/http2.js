// Sessions of HTTP/2 with no streams, some and many, after others that have ended: what nghttp2 takes. Prints READY, and lives on.
'use strict';
const http2 = require('http2');

const kept = (global.kept = []);
const quiet = (emitter) => emitter.on('error', () => {});
const server = http2.createServer();
server.on('session', quiet);
server.on('stream', (stream, headers) => {
  quiet(stream).respond({ ':status': 200, 'x-answer': 'a'.repeat(50) + headers[':path'] });
  if (headers[':path'].startsWith('/end')) return stream.end('all of it');
  stream.write('more to come');
  kept.push(stream);
});

/** Asks for something, and waits until the answer has come: all of it, or, of what is kept open, its beginning. */
function ask(session, path) {
  return new Promise((done) => {
    const request = quiet(session.request({ ':path': path, 'x-name': 'value ' + path, cookie: 'c'.repeat(40) }));
    if (path.startsWith('/end')) return request.resume().once('close', done);
    kept.push(request);
    request.once('data', done);
  });
}

server.listen(0, '127.0.0.1', async () => {
  for (let number = 0; number < 30; number++) {
    const session = quiet(http2.connect(`http://127.0.0.1:${server.address().port}`));
    kept.push(session);
    await new Promise((done) => session.once('connect', done));
    for (let index = 0; index < number; index++) await ask(session, `/end/${number}/${index}`);
    const open = [0, 3, 40][number % 3];
    for (let index = 0; index < open; index++) await ask(session, `/open/${number}/${index}`);
  }
  setTimeout(() => console.log('READY'), 300);
  setInterval(() => {}, 1e6);
});
