'use strict';
/* Socket.IO: rooms, acknowledgements, clients that come and go. */
const http = require('http');
const { fromPackages, load, listen } = require('./serve');
const { Server } = fromPackages('socket.io');
const { io } = fromPackages('socket.io-client');

const server = http.createServer();
const chat = new Server(server);
chat.on('connection', (socket) => {
  socket.on('join', (room, done) => { socket.join('room ' + room % 5); done(); });
  socket.on('say', (text, done) => { socket.to('room 1').emit('said', text); done(text.length); });
});

listen(server).then(async (port) => {
  const connect = () => new Promise((resolve) => {
    const client = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true, reconnection: false });
    client.on('connect', () => resolve(client));
  });
  // Some stay; others come and go.
  for (let stays = 0; stays < 8; stays++) (await connect()).on('said', () => {});
  await load(async (number) => {
    const client = await connect();
    await client.emitWithAck('join', number);
    await client.emitWithAck('say', 'message ' + number);
    client.close();
  });
});
