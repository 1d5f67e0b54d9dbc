'use strict';
/*
 * The store of an AsyncLocalStorage: each request runs with one of its own, and leaves behind a job that will never be done. The job
 * remembers in which context it was made, and with that the store.
 */
const { AsyncLocalStorage, AsyncResource } = require('async_hooks');
const { withExpress, run } = require('./service');

class RequestStore { constructor(request) { this.url = request.url; this.spans = new Array(60).fill(0.25); } }
class Job extends AsyncResource { constructor(number) { super('Job'); this.number = number; } }
class Backlog { constructor() { this.jobs = []; } }

const storage = new AsyncLocalStorage();

run(withExpress((app) => {
  app.locals.backlog = new Backlog();
  app.use(function withStore(request, response, next) { storage.run(new RequestStore(request), next); });
  app.get('/leak/:number', function enqueue(request, response) {
    request.app.locals.backlog.jobs.push(new Job(Number(request.params.number)));
    response.json({ queued: storage.getStore().url });
  });
}), { leaked: 'Job', owner: 'Array', holds: 'RequestStore', paths: [['.backlog', '.jobs']] });
