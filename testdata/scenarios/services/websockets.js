'use strict';
/* ws: a server that echoes, clients that come and go. */
const { fromPackages, load } = require('./serve');
const { WebSocketServer, WebSocket } = fromPackages('ws');

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' }, async () => {
  const { port } = server.address();
  const connect = () => new Promise((resolve) => { const client = new WebSocket(`ws://127.0.0.1:${port}`); client.on('open', () => resolve(client)); });
  for (let stays = 0; stays < 8; stays++) await connect();
  await load(async (number) => {
    const client = await connect();
    await new Promise((resolve) => { client.once('message', resolve); client.send('message ' + number); });
    const closed = new Promise((resolve) => client.once('close', resolve));
    client.close();
    await closed;
  });
});
server.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
