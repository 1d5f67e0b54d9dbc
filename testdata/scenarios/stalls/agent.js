'use strict';
// An agent that keeps four connections alive. The bodies of four answers were never read: their connections stay taken, and all other
// requests wait in the agent.
const http = require('http');
const { fromPackages, STUCK, listen, ready } = require('./stalled');
const Agent = fromPackages('agentkeepalive');

const agent = new Agent({ maxSockets: 4, timeout: 0, freeSocketTimeout: 600_000 });

function get(address, path) {
  return new Promise((resolve, reject) => {
    http.get({ ...address, path, agent }, resolve).on('error', reject);
  });
}

async function price(address, number) {
  const answer = await get(address, '/price/' + number); // WAITS
  answer.resume();
  return answer.statusCode;
}

listen((request, response) => response.end('x'.repeat(1 << 20))).then(async (address) => {
  for (let number = 0; number < 4; number++) await get(address, '/exists/' + number);
  for (let number = 0; number < STUCK; number++) price(address, number);
  ready();
});
