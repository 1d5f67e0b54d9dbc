'use strict';
/* A cache of sessions in (a stand-in for) Redis, of which each expires; jobs in a list that are taken as they come. */
const http = require('http');
const { promisify } = require('util');
const { fromPackages, loadByHttp, listen } = require('./serve');
const client = fromPackages('redis-mock').createClient();
const [get, setex, rpush, lpop] = ['get', 'setex', 'rpush', 'lpop'].map((name) => promisify(client[name]).bind(client));

const server = http.createServer(async (request, response) => {
  const user = 'session:' + Number(request.url.slice(1)) % 60;
  const session = JSON.parse((await get(user)) ?? '{"visits":0}');
  session.visits++;
  await setex(user, 60, JSON.stringify(session));
  await rpush('jobs', user);
  await lpop('jobs');
  response.end(String(session.visits));
});
listen(server).then((port) => loadByHttp(port, (number) => '/' + number));
