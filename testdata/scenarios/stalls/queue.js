'use strict';
// Jobs go through a queue, two at a time. The worker calls back for all but one sort of job: two of them, and the queue stands still.
const { fromPackages, STUCK, listen, ready } = require('./stalled');
const fastq = fromPackages('fastq');

class Job { constructor(kind, number) { this.kind = kind; this.number = number; } }

function work(job, done) {
  if (job.kind === 'mail') return send(job);
  setImmediate(done, null, job.number);
}

const sent = [];
function send(job) { sent.push(job.number); }

const queue = fastq(work, 2);

function run(job) {
  return new Promise((resolve, reject) => {
    queue.push(job, (error, result) => (error ? reject(error) : resolve(result)));
  });
}

async function checkout(number) {
  await run(new Job('price', number)); // WAITS
  return number;
}

listen(() => {}).then(() => {
  for (let number = 0; number < 2; number++) run(new Job('mail', number));
  for (let number = 0; number < STUCK; number++) checkout(number);
  ready();
});
