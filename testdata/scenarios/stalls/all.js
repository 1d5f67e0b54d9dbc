'use strict';
// A page is put together of parts that other services deliver; one of them takes a request and never says anything.
const http = require('http');
const { STUCK, listen, ready } = require('./stalled');

/** Where there is no `fetch`, as much of it as is needed. */
function get(url) {
  return new Promise((resolve, reject) => { http.get(url, (response) => resolve({ text: () => response.read() })).on('error', reject); });
}
const load = globalThis.fetch || get;

async function part(address, name) {
  const response = await load(`http://${address.host}:${address.port}/${name}`); // CULPRIT
  return response.text();
}

async function page(address, number) {
  const parts = await Promise.all(['head', 'prices', 'foot'].map((name) => part(address, `${name}/${number}`))); // WAITS
  return parts.join('\n');
}

listen((request, response) => {
  if (!request.url.startsWith('/prices')) response.end(request.url);
}).then((address) => {
  for (let number = 0; number < STUCK; number++) page(address, number);
  ready();
});
