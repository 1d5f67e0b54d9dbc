'use strict';
/*
 * What the programs that leak have in common: a web service with Express or Fastify, the load of a healthy one, and requests
 * that it sends to itself. A program adds the route that leaks and says the truth about it; then the process holds still for
 * its core (../hold.js).
 *
 * Healthy are: some routes, middleware that counts and numbers requests, a cache with an end, a list of the last requests, sessions
 * that all are in use, tables read at the start, and requests in flight. None of it grows with the number of requests.
 *
 *   --packages=DIR   a directory whose node_modules holds packages.json (needed)
 *   --requests=N     how many requests reach the route that leaks
 */
const http = require('http');
const path = require('path');
const { createRequire } = require('module');
const { hold, option } = require('../hold');

const packages = path.resolve(option('packages', '.'), 'node_modules');
const fromPackages = createRequire(path.join(packages, 'package.json'));
const REQUESTS = Number(option('requests', 400));
/** Requests at the same time. */
const WIDTH = 20;
/** Requests in flight when the core is taken. */
const IN_FLIGHT = 8;

class Session { constructor(number) { this.user = 'user-' + number; this.rights = ['read', 'write']; this.seen = 0; } }
class Product { constructor(number) { this.sku = 'sku-' + number; this.price = number * 1.25; this.tags = ['a' + number, 'b']; } }
class Quote { constructor(product, day) { this.product = product; this.day = day; this.lines = new Array(10).fill(product.price); } }

/** A cache with an end: the oldest entry goes when there are too many. */
class BoundedCache {
  constructor(most) { this.most = most; this.entries = new Map(); }
  get(key, make) {
    let value = this.entries.get(key);
    if (value === undefined) {
      value = make();
      if (this.entries.size === this.most) this.entries.delete(this.entries.keys().next().value);
      this.entries.set(key, value);
    }
    return value;
  }
}

/** What a healthy service keeps. */
class Shop {
  constructor() {
    this.sessions = new Map();
    for (let number = 0; number < 50; number++) this.sessions.set('session-' + number, new Session(number));
    this.products = [];
    for (let number = 0; number < 200; number++) this.products.push(new Product(number));
    this.quotes = new BoundedCache(60);
    this.last = new Array(32).fill(null);
    this.served = 0;
    this.waiting = [];
  }
  count(url) {
    this.last[this.served++ % this.last.length] = { url, at: this.served };
    this.sessions.get('session-' + (this.served % 50)).seen++;
  }
  quote(number) {
    const product = this.products[number % this.products.length];
    return this.quotes.get(product.sku + '/' + (number % 7), () => new Quote(product, number % 7));
  }
}

/** An Express service; `routes(app, shop)` adds what leaks. Returns how it starts to listen. */
function withExpress(routes) {
  const express = fromPackages('express');
  const app = express();
  const shop = new Shop();
  app.disable('x-powered-by');
  app.use(express.json());
  app.use(function countRequests(request, response, next) { shop.count(request.url); next(); });
  app.get('/quotes/:number', function quote(request, response) { response.json(shop.quote(Number(request.params.number))); });
  app.get('/slow', function slow(request, response) { shop.waiting.push(response); });
  const admin = express.Router();
  for (const page of ['users', 'rights', 'logs', 'health']) admin.get('/' + page, (request, response) => response.send(page));
  app.use('/admin', admin);
  routes(app, shop);
  return (listening) => { const server = http.createServer(app); server.listen(0, '127.0.0.1', () => listening(server)); };
}

/** The same with Fastify. */
function withFastify(routes) {
  const app = fromPackages('fastify')();
  const shop = new Shop();
  app.addHook('onRequest', function countRequests(request, reply, done) { shop.count(request.url); done(); });
  app.get('/quotes/:number', async function quote(request) { return shop.quote(Number(request.params.number)); });
  app.get('/slow', function slow(request, reply) { shop.waiting.push(reply); });
  app.register(async function admin(scope) {
    for (const page of ['users', 'rights', 'logs', 'health']) scope.get('/' + page, async () => page);
  }, { prefix: '/admin' });
  routes(app, shop);
  return (listening) => app.listen({ port: 0, host: '127.0.0.1' }).then(() => listening(app.server));
}

/**
 * Starts the service, sends it REQUESTS to `/leak/NUMBER` with others in between, and holds. `truth` says what each of them leaks:
 * `leaked`, the constructor of what has gathered; `owner`, that of what it has gathered in, null for handles of native code;
 * `holds`, the class that the program made one object of for each request; `paths`, the last steps to the owner, as ::jspath
 * prints them: one of these, all of which are true. Where it is otherwise: `place`, the words for where they have gathered; `few`, how
 * many there are if it is not one for each request; `alone`, that no other suspect tells of the same; `unanswered`, that no request to
 * `/leak` is answered, so that those to others that are open count as well.
 */
function run(start, truth) {
  truth.count = truth.few ?? REQUESTS;
  truth.held = REQUESTS;
  start((server) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: WIDTH });
    const urls = [];
    for (let number = 0; number < REQUESTS; number++) {
      urls.push('/leak/' + number + '?page=' + (number % 3));
      if (number % 4 === 0) urls.push('/quotes/' + number);
      if (number % 25 === 0) urls.push('/admin/users');
    }
    let next = 0;
    let open = 0;
    const finish = () => {
      agent.destroy();
      for (let number = 0; number < IN_FLIGHT; number++) get('/slow', null, () => {});
      setTimeout(() => hold({ leak: truth }), 300);
    };
    const get = (url, agentOfRequest, done) => {
      const request = http.get({ port: server.address().port, host: '127.0.0.1', path: url, agent: agentOfRequest ?? undefined }, (response) => {
        response.resume();
        response.on('end', done);
      });
      request.on('error', () => done());
    };
    const more = () => {
      while (open < WIDTH && next < urls.length) {
        open++;
        const url = urls[next++];
        const done = () => { open--; more(); };
        if (truth.unanswered && url.startsWith('/leak/')) { get(url, null, () => {}); setTimeout(done, 2); }
        else get(url, truth.unanswered ? null : agent, done);
      }
      if (open === 0 && next === urls.length) { next++; finish(); }
    };
    more();
  });
}

module.exports = { withExpress, withFastify, run, fromPackages };
