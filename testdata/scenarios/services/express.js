'use strict';
/* Express: routers, middleware, JSON bodies, a cache with an end (lru-cache), templates that are compiled once. */
const http = require('http');
const { fromPackages, loadByHttp, listen, post } = require('./serve');
const express = fromPackages('express');
const { LRUCache } = fromPackages('lru-cache');
const handlebars = fromPackages('handlebars');

class Article { constructor(number) { this.number = number; this.title = 'Article ' + number; this.words = this.title.repeat(20).split(' '); } }

const app = express();
const cache = new LRUCache({ max: 100 });
const template = handlebars.compile('<h1>{{title}}</h1>{{#each words}}<i>{{this}}</i>{{/each}}');
app.use(express.json());
app.use((request, response, next) => { request.started = Date.now(); next(); });
const articles = express.Router();
articles.get('/:number', (request, response) => {
  const number = Number(request.params.number);
  let article = cache.get(number);
  if (!article) cache.set(number, article = new Article(number));
  response.send(template(article));
});
articles.post('/', (request, response) => response.status(201).json({ title: request.body.title }));
app.use('/articles', articles);
app.use((error, request, response, next) => response.status(500).json({ error: error.message }));

listen(http.createServer(app)).then((port) => loadByHttp(port, (number) => (number % 5 === 0 ? post('/articles', { title: 'New ' + number }) : '/articles/' + number)));
