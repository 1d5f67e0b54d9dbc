'use strict';
// A service that is as it should be: it answers requests out of a cache that has an end, and waits for more of them.
const http = require('node:http');

class Page {
  constructor(path) {
    this.path = path;
    this.body = `page ${path} `.repeat(20);
    this.made = Date.now();
  }
}

class Cache {
  constructor(most) {
    this.most = most;
    this.pages = new Map();
  }
  get(path) {
    let page = this.pages.get(path);
    if (!page) page = new Page(path);
    this.pages.delete(path);
    this.pages.set(path, page);
    if (this.pages.size > this.most) this.pages.delete(this.pages.keys().next().value);
    return page;
  }
}

const cache = new Cache(200);
const server = http.createServer((request, response) => response.end(cache.get(request.url).body));
server.listen(0, '127.0.0.1', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const ask = (path) => new Promise((resolve, reject) => {
    const options = { port: server.address().port, host: '127.0.0.1', path, agent };
    http.get(options, (response) => response.resume().on('end', resolve)).on('error', reject);
  });
  for (let round = 0; round < 150; round++) {
    await Promise.all(Array.from({ length: 8 }, (_, at) => ask(`/${round * 8 + at}`)));
  }
  setTimeout(() => console.log('ready'), 300);
});
