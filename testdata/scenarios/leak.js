'use strict';
/*
 * A small service with a leak, as one meets it: requests come in, each is answered, and yet the heap grows.
 *
 * `Gateway` answers from an upstream. While an upstream is slow, its connection keeps each chunk that arrived in
 * `pending` until somebody drains it. `Gateway.close` forgets to drain the connections of clients that hung up first:
 * they stay in the `bySession` Map, each with its request, its chunks, and a closure that would have resumed it.
 *
 * Nothing here is random and nothing is asked of the network: two runs hold the same objects.
 *
 *   --requests=N   how many requests come in (default 2400; every third client hangs up first)
 */
const { EventEmitter } = require('events');
const { hold, option } = require('./hold');

const REQUESTS = Number(option('requests', 2400));

class Chunk {
  constructor(sequence, bytes) { this.sequence = sequence; this.bytes = bytes; this.flushed = false; }
}

class IncomingRequest {
  constructor(id) {
    this.id = id;
    this.method = id % 4 === 0 ? 'POST' : 'GET';
    this.url = '/v1/images/' + id + '?size=' + (id % 7) * 32;
    this.headers = { host: 'images.example.net', accept: 'image/*', 'user-agent': 'client/' + (id % 5) };
    this.receivedAt = new Date(Date.UTC(2024, 0, 1) + id * 250);
  }
}

class UpstreamConnection {
  constructor(request, limits) {
    this.request = request;
    this.limits = limits;
    this.pending = [];
    this.load = request.id % 10 + 0.25;
    this.resume = () => this.pending.length + request.id;
  }
}

class Gateway extends EventEmitter {
  constructor(settings) {
    super();
    this.settings = settings;
    this.bySession = new Map();
    this.answered = 0;
  }

  open(id) {
    const connection = new UpstreamConnection(new IncomingRequest(id), this.settings.chunk);
    for (let i = 0; i < 3; i++) connection.pending.push(new Chunk(i, Buffer.alloc(16, id & 0xff)));
    this.bySession.set('session-' + id, connection);
    return connection;
  }

  answer(id) {
    const connection = this.bySession.get('session-' + id);
    for (const chunk of connection.pending) chunk.flushed = true;
    connection.pending.length = 0;
    this.answered++;
    this.bySession.delete('session-' + id);
  }

  close(id) {
    this.emit('closed', id);                      // and the connection stays in bySession: the leak
  }
}

// Each of these is a limit of the same shape; the graph panels below hold further ones.
const limit = (type, min, max, fallback) => ({ type, min, max, default: fallback });
const settings = {
  chunk: limit('number', 1, 65536, 4096),
  timeout: limit('number', 0, 5000, 300),
  retries: limit('number', 0, 10, undefined),
  panels: [0, 1, 2].map((n) => ({
    title: 'panel ' + n,
    width: limit('number', 10, 1000, 300 + n),
    height: limit('number', 10, 1000, 200 + n),
    buckets: limit('number', 2, 60, 15.5),
    hues: undefined,
    selected: [n, n + 1],
  })),
};

globalThis.gateway = new Gateway(settings);
let hangUps = 0;
gateway.on('closed', function onClosed() { hangUps++; });
for (let id = 1; id <= REQUESTS; id++) {
  gateway.open(id);
  if (id % 3 === 0) gateway.close(id); else gateway.answer(id);
}
hold({ answered: gateway.answered, hangUps });
