'use strict';
/*
 * Native handles that are never closed: each request opens a socket to hear of an event, and forgets it. Nothing in JavaScript
 * leads to it any more; the open handle keeps it.
 */
const dgram = require('dgram');
const { withExpress, run } = require('./service');

class Notice { constructor(number) { this.number = number; this.heard = new Array(50).fill(number); } }

run(withExpress((app) => {
  app.get('/leak/:number', function hear(request, response) {
    const notice = new Notice(Number(request.params.number));
    const socket = dgram.createSocket('udp4');
    socket.on('message', function onMessage(message) { notice.heard.push(message.length); });
    socket.bind(0, '127.0.0.1', () => response.json({ number: notice.number }));
  });
}), { leaked: 'UDP', owner: null, holds: 'Notice', paths: [] });
