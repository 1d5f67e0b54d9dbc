'use strict';
/* pino and winston beside each other: children of loggers that go with their request, formats, transports. */
const http = require('http');
const { Writable } = require('stream');
const { fromPackages, loadByHttp, listen } = require('./serve');
const pino = fromPackages('pino');
const winston = fromPackages('winston');

const nowhere = () => new Writable({ write(chunk, encoding, done) { done(); } });
const fast = pino({ level: 'debug', redact: ['password'] }, nowhere());
const classic = winston.createLogger({
  level: 'info',
  format: winston.format.combine(winston.format.timestamp(), winston.format.splat(), winston.format.json()),
  transports: [new winston.transports.Stream({ stream: nowhere() })],
});

const server = http.createServer((request, response) => {
  const log = fast.child({ url: request.url, method: request.method });
  const other = classic.child({ url: request.url });
  log.info({ user: 'user', password: 'secret' }, 'request');
  other.info('request %s', request.url);
  response.on('finish', () => { log.debug('done'); other.info('done'); });
  response.end('ok');
});
listen(server).then((port) => loadByHttp(port, (number) => '/page/' + number));
