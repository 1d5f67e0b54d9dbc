'use strict';
// An Express service whose lookup forgets its callback when it has nothing in its cache: the handler waits, and the client with it.
const { fromPackages, STUCK, listen, ask, ready } = require('./stalled');
const express = fromPackages('express');

const cache = new Map([['user-0', { name: 'nobody' }]]);

function lookup(name, callback) {
  const known = cache.get(name);
  if (known) callback(null, known);
}

function user(name) {
  return new Promise((resolve, reject) => {
    lookup(name, (error, found) => (error ? reject(error) : resolve(found)));
  });
}

const app = express();
app.get('/users/:id', async function showUser(request, response) { // SHOWS
  const found = await user('user-' + request.params.id);
  response.json(found);
});
app.get('/forgotten/:id', function forgets(request, response) { // FORGETS
  if (request.params.id === 'none') response.json({});
});

listen(app).then((address) => {
  for (let number = 0; number < STUCK; number++) {
    ask(address, '/users/' + (number + 1));
    ask(address, '/forgotten/' + number);
  }
  ready();
});
