'use strict';
/*
 * A service under load, made of what Node.js brings along: HTTP, JSON, regular expressions, compression, hashes, promises. It is aborted at
 * any moment: `xtask moments` looks whether the stacks of its core are whole.
 */
const crypto = require('crypto');
const http = require('http');
const zlib = require('zlib');

class Order {
  constructor(id) {
    this.id = id;
    this.lines = Array.from({ length: id % 20 + 1 }, (_, n) => ({ sku: 'sku-' + n, price: n * 1.5, text: 'x'.repeat(n) }));
  }
  total() { return this.lines.reduce((sum, line) => sum + line.price, 0); }
}

function render(order) {
  const text = JSON.stringify({ order, total: order.total(), at: new Date() });
  let sum = 0;
  text.replace(/(\w+)-(\d+)(?=\D)/g, (all, name, number) => { sum += Number(number); return name + sum; });
  return text;
}

async function handle(id) {
  const order = new Order(id);
  const text = render(order);
  const sorted = [...order.lines].sort((a, b) => b.price - a.price || a.sku.localeCompare(b.sku));
  const back = new Map(Object.entries(JSON.parse(text)));
  for (const [key, value] of back) if (typeof value === 'object') back.set(key + '!', structuredClone(value));
  const hash = crypto.createHash('sha256').update(zlib.gzipSync(text)).digest('hex');
  await null;
  const packed = await new Promise((resolve, reject) => {
    zlib.deflate(text, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
  return { hash, length: packed.length, lines: sorted.length, members: back.size };
}

const server = http.createServer((request, response) => {
  const id = Number(new URL(request.url, 'http://localhost').searchParams.get('id'));
  handle(id).then((answer) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  });
});

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  let id = 0;
  function next() {
    http.get({ host: '127.0.0.1', port, path: '/?id=' + (id++ % 500), agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece) => { text += piece; });
      response.on('end', () => { JSON.parse(text); next(); });
    });
  }
  for (let client = 0; client < 8; client++) next();
  process.stdout.write('READY ' + process.pid + '\n');
});
