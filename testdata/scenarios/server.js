'use strict';
/*
 * A web server that keeps what it served: `app.exchanges` holds the response of every request, and the response its
 * request. Beside them it keeps an access log, one line for each request, as the program itself saw it.
 *
 * Requests come in over real connections, written by hand into a socket, so that the process has no client objects. The
 * last ones are never answered: the handler has set a status and waits for something that does not come.
 */
const http = require('http');
const net = require('net');
const { hold } = require('./hold');

// method, url, status, how many; a request whose status is followed by `false` is never answered
const TRAFFIC = [
  ['GET', '/', 200, 40],
  ['GET', '/api/users?page=1', 200, 25],
  ['GET', '/api/users?page=2', 200, 15],
  ['POST', '/api/orders', 201, 12],
  ['GET', '/favicon.ico', 404, 19],
  ['GET', '/api/users/none', 404, 7],
  ['GET', '/wp-login.php', 404, 4],
  ['POST', '/api/orders', 400, 6],
  ['GET', '/api/report', 500, 3],
  ['POST', '/api/orders', 400, 5, false],
  ['GET', '/api/report', 200, 2, false],
];

class App {
  constructor() { this.exchanges = []; this.accessLog = []; this.started = 'yes'; }
}
globalThis.app = new App();

const answers = [];
for (const [method, url, status, count, answered] of TRAFFIC) {
  for (let i = 0; i < count; i++) answers.push({ method, url, status, answered: answered !== false });
}

const server = http.createServer({ keepAliveTimeout: 0 }, (req, res) => {
  const { status, answered } = answers[app.exchanges.length];
  app.exchanges.push(res);
  app.accessLog.push(req.method + ' ' + req.url + ' ' + status + (answered ? '' : ' unanswered'));
  res.statusCode = status;
  if (answered) res.end(status < 400 ? 'ok' : 'failed');
});

function request({ method, url }) {
  return method + ' ' + url + ' HTTP/1.1\r\nHost: shop.example.net\r\nUser-Agent: probe/1\r\nContent-Length: 0\r\n\r\n';
}

/** Sends one request on its own connection; calls `done` when it is answered, or has arrived if it never will be. */
function send(index, done) {
  const answer = answers[index];
  const socket = net.connect(server.address().port, '127.0.0.1', () => socket.write(request(answer)));
  if (answer.answered) {
    socket.once('data', () => { socket.once('close', done); socket.end(); });
  } else {
    const waiting = setInterval(() => {
      if (app.exchanges.length > index) { clearInterval(waiting); done(); }
    }, 2);
  }
  socket.resume();
}

function next(index) {
  if (index < answers.length) return send(index, () => next(index + 1));
  setTimeout(() => hold({ accessLog: app.accessLog }), 50);
}

server.listen(0, '127.0.0.1', () => next(0));
