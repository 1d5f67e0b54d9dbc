// Streams, keys, ports, contexts, workers and a server that was busy: what takes native memory. Prints READY, and lives on.
'use strict';
const crypto = require('crypto');
const http = require('http');
const vm = require('vm');
const zlib = require('zlib');
const { Blob } = require('buffer');
const { Worker } = require('worker_threads');

const kept = (global.kept = []);
for (let index = 0; index < 20; index++) {
  const deflate = zlib.createDeflate();
  deflate.write(Buffer.alloc(1000, index));
  kept.push(deflate, zlib.createGunzip(), new Blob([Buffer.alloc(100_000, index)]));
  const hash = crypto.createHash('sha256');
  hash.update('text');
  kept.push(hash, crypto.createSecretKey(Buffer.alloc(32, index)));
  const { port1, port2 } = new MessageChannel();
  port1.unref();
  kept.push(port1, port2);
}
for (let index = 0; index < 5; index++) kept.push(vm.createContext({ index }));
for (let index = 0; index < 2; index++) kept.push(new Worker('setInterval(() => {}, 1e6)', { eval: true }));

const server = http.createServer((request, response) => {
  kept.push(Buffer.alloc(3000));
  response.end('answer');
});
server.listen(0, '127.0.0.1', () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
  let answers = 0;
  const ask = () => {
    http.get({ host: '127.0.0.1', port: server.address().port, agent }, (response) => {
      response.resume();
      response.on('end', () => {
        if (++answers === 2000) {
          console.log('READY');
          setInterval(() => {}, 1e6);
        } else if (answers < 2000) {
          ask();
        }
      });
    });
  };
  for (let index = 0; index < 20; index++) ask();
});
