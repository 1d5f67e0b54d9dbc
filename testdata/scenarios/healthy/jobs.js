'use strict';
// A service that is as it should be: it takes jobs off a queue as fast as they come, with timers, promises and a worker thread, and has
// nothing to do in between.
const { Worker } = require('node:worker_threads');
const { EventEmitter, once } = require('node:events');

class Job {
  constructor(id) {
    this.id = id;
    this.steps = [id, id + 1, id + 2];
  }
}

class Queue extends EventEmitter {
  constructor() {
    super();
    this.jobs = [];
    this.done = 0;
  }
  async run() {
    for (;;) {
      const job = this.jobs.shift();
      if (job) this.done += job.steps.length;
      else await once(this, 'job');
    }
  }
  add(job) {
    this.jobs.push(job);
    this.emit('job');
  }
}

const queue = new Queue();
queue.run();
let id = 0;
const beat = setInterval(() => {
  for (let i = 0; i < 50; i++) queue.add(new Job(id++));
  if (id < 3000) return;
  clearInterval(beat);
  setInterval(() => {}, 60_000);
  setTimeout(() => console.log('ready'), 300);
}, 2);
new Worker('setInterval(() => {}, 1000)', { eval: true });
