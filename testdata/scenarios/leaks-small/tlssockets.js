'use strict';
/*
 * TLS connections that nobody closes: what OpenSSL has for each is native memory. The clients are in a process of their own.
 */
const { spawn } = require('child_process');
const tls = require('tls');
const { hold } = require('../hold');
const { run, REQUESTS } = require('./small');

/** What malloc counts for each (mallinfo2 of processes with 400 and with 800): OpenSSL 3.5 has more than 3.0. */
const EACH = Number(process.versions.node.split('.')[0]) < 22 ? 82_600 : 97_600;
/** Made for this, and for nothing else. */
const key =
  '-----BEGIN PRIVATE KEY-----\n' +
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgePhJUg/TLQu3xPKf\n' +
  'fmTAgmJQGDE2b5g6vaVi3oncP2ahRANCAARUYnDCPoCXkySGndyQk9WzxwUhAMRf\n' +
  'F7Ndk4wKriNAkNAqw1pYVIl/+ClYCkC14ItjLCT1eCHrg904JRP0KMI7\n' +
  '-----END PRIVATE KEY-----\n';
const cert =
  '-----BEGIN CERTIFICATE-----\n' +
  'MIIBgDCCASWgAwIBAgIUMqefxdqT0hddgvjfK+Hq1VReM5wwCgYIKoZIzj0EAwIw\n' +
  'FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEzMDE0MTgwNVoYDzIxMjUwNjI0\n' +
  'MTQxODA1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n' +
  'PQMBBwNCAARUYnDCPoCXkySGndyQk9WzxwUhAMRfF7Ndk4wKriNAkNAqw1pYVIl/\n' +
  '+ClYCkC14ItjLCT1eCHrg904JRP0KMI7o1MwUTAdBgNVHQ4EFgQUQoF3FTgaSD8f\n' +
  'nlErpmZUwweKc14wHwYDVR0jBBgwFoAUQoF3FTgaSD8fnlErpmZUwweKc14wDwYD\n' +
  'VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAs25su/Gwc0DBOUEz5UOA\n' +
  'ZDqSerg3MGkoRLp89A3FpsgCIQDmH1CZ7vuDad+EBE8gQPKcSxAvFA1Gjan+ZunT\n' +
  'w3aZYg==\n' +
  '-----END CERTIFICATE-----\n';

class Client { constructor(socket) { this.socket = socket; } }

globalThis.clients = new Map();
const truth = { leaked: 'TLSWrap', holds: 'Client', paths: [['.clients', '.socket', '._handle'], ['.Symbol(res)']], native: { each: EACH, class: 'TLSWrap' } };
const server = tls.createServer({ key, cert }, (socket) => {
  socket.once('data', () => {
    clients.set(clients.size, new Client(socket));
    socket.write('hello');
    if (clients.size === REQUESTS) setTimeout(hold, 500, { leak: truth });
  });
});

/** One connection after the other, all of which stay open. */
function connect(port, count) {
  const options = { port, host: '127.0.0.1', rejectUnauthorized: false };
  const socket = require('tls').connect(options, () => socket.write('hi'));
  socket.once('data', () => { if (count > 1) connect(port, count - 1); });
  socket.on('error', () => process.exit());
}

run(truth, () => {}, () => {
  server.listen(0, '127.0.0.1', () => {
    const client = `(${connect})(${server.address().port}, ${REQUESTS})`;
    spawn(process.execPath, ['-e', `globalThis.connect = ${connect}; ${client}`], { stdio: 'ignore' }).unref();
  });
});
