// Leaves heap snapshots of a service that keeps its sessions: `node sessions.js FILE`.
'use strict';
const v8 = require('node:v8');

class Client {
  constructor(name) {
    this.name = name;
    this.load = 0.5;
  }
}

class Session {
  constructor(number, client) {
    this.id = `session-${number}`;
    this.client = client;
    this.history = [];
    this.body = new Uint8Array(1024);
    this.later = () => this.id;
  }
}

class Service {
  constructor() {
    this.sessions = new Map();
    this.clients = [];
    this.secrets = new WeakMap();
  }

  open(number) {
    if (number % 10 === 0) this.clients.push(new Client(`client-${number}`));
    const session = new Session(number, this.clients.at(-1));
    session.history.push(`opened as ${number} \u4e2d "quoted" \\ \u0000`, '\ud83d lone');
    this.sessions.set(session.id, session);
    this.secrets.set(session, { secret: `of ${number}`, bytes: [number + 0.5, number + 0.25] });
    return session;
  }
}

globalThis.service = new Service();
for (let number = 0; number < 300; number++) globalThis.service.open(number);
v8.writeHeapSnapshot(process.argv[2]);
