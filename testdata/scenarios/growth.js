'use strict';
/*
 * A message broker that can be stopped at three stages of its life, so that cores of it can be compared. How much there
 * is of everything at each stage stands in AMOUNTS, and nowhere else: what grows, what stays, what shrinks, what comes and
 * goes, and what is as many as before but not the same.
 *
 * Nothing here is random: two processes at one stage hold the same objects, at other addresses.
 *
 *   --stage=N       stop at stage N, 1 to 3 (3 if not said)
 *   --through=FILE  stop at stage 1 until FILE is there, then go on to the stage that is wanted: one process, seen twice
 */
const fs = require('fs');
const { hold, option } = require('./hold');

const STAGE = Number(option('stage', 3));
const THROUGH = option('through', '');

const AMOUNTS = {
  sessions: [200, 320, 500],     // a Map that only grows
  log: [100, 150, 225],          // an array that only grows
  labels: [50, 120, 190],        // copies of one string
  uploads: [5, 12, 12],          // Buffers of 64 KiB: grew once, and stayed
  waiters: [0, 50, 0],           // came and went
  latecomers: [0, 0, 25],        // came last
  retired: [80, 60, 40],         // a Map that shrinks
  topics: [40, 40, 40],          // ten stay, thirty are others at each stage
  lines: [64, 64, 64],           // a cache that is as large as it should be
  archives: [0, 1, 1],           // ArrayBuffers of 64 MiB, each a mapping of its own
};
const TOPICS_THAT_STAY = 10;
const LABEL = 'delivered to the usual place';

class Session {
  constructor(id) { this.id = id; this.user = { name: 'user-' + id, roles: ['reader', 'writer-' + id] }; this.open = true; }
}
class LogEntry { constructor(id) { this.id = id; this.at = 1e12 + id + 0.5; } }
class Label { constructor() { this.text = Buffer.from(LABEL).toString('latin1'); } }
class Upload { constructor(id) { this.id = id; this.bytes = Buffer.alloc(1 << 16, id); } }
class Waiter { constructor(id) { this.id = id; } }
class Latecomer { constructor(id) { this.id = id; } }
class Retired { constructor(id) { this.id = id; } }
class Topic { constructor(name) { this.name = name; } }
class CacheLine { constructor(id) { this.id = id; this.words = [id, id + 1, id + 2]; } }

class Broker {
  constructor() {
    this.sessions = new Map();
    this.log = [];
    this.labels = [];
    this.uploads = [];
    this.waiters = [];
    this.latecomers = [];
    this.retired = new Map();
    this.topics = new Map();
    this.lines = {};
    this.archives = [];
  }

  /** Brings everything to what it is at a stage, from what it was at the one before. */
  reach(stage) {
    const amount = (of) => AMOUNTS[of][stage - 1];
    for (let id = this.sessions.size + 1; id <= amount('sessions'); id++) this.sessions.set('session-' + id, new Session(id));
    while (this.log.length < amount('log')) this.log.push(new LogEntry(this.log.length + 1));
    while (this.labels.length < amount('labels')) this.labels.push(new Label());
    while (this.uploads.length < amount('uploads')) this.uploads.push(new Upload(this.uploads.length + 1));
    while (this.waiters.length < amount('waiters')) this.waiters.push(new Waiter(this.waiters.length + 1));
    this.waiters.length = amount('waiters');
    while (this.latecomers.length < amount('latecomers')) this.latecomers.push(new Latecomer(this.latecomers.length + 1));
    if (stage === 1) for (let id = 1; id <= amount('retired'); id++) this.retired.set('retired-' + id, new Retired(id));
    for (const key of this.retired.keys()) if (this.retired.size > amount('retired')) this.retired.delete(key);
    for (let n = 1; n <= amount('topics'); n++) {
      const [stays, name] = [n <= TOPICS_THAT_STAY, 'topic-' + n];
      if (stays && stage > 1) continue;
      if (!stays && stage > 1) this.topics.delete(name + '-of-stage-' + (stage - 1));
      const key = stays ? name : name + '-of-stage-' + stage;
      this.topics.set(key, new Topic(key));
    }
    if (stage === 1) for (let id = 1; id <= amount('lines'); id++) this.lines['line-' + id] = new CacheLine(id);
    while (this.archives.length < amount('archives')) this.archives.push(new ArrayBuffer(64 << 20));
  }
}

globalThis.broker = new Broker();
broker.reach(1);
if (THROUGH) {
  fs.writeSync(1, 'AT STAGE 1 ' + process.pid + '\n');
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (!fs.existsSync(THROUGH)) Atomics.wait(cell, 0, 0, 50);
}
for (let stage = 2; stage <= STAGE; stage++) broker.reach(stage);
hold({ stage: STAGE });
