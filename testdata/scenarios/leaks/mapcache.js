'use strict';
/*
 * A cache without an end: results by URL, in a Map that the application keeps. The URLs are all different.
 */
const { withExpress, run } = require('./service');

class Result { constructor(url) { this.url = url; this.rows = new Array(60).fill(1.5); } }

run(withExpress((app) => {
  app.locals.cache = new Map();
  app.get('/leak/:number', function search(request, response) {
    const { cache } = request.app.locals;
    if (!cache.has(request.url)) cache.set(request.url, new Result(request.url));
    response.json(cache.get(request.url).rows.length);
  });
}), { leaked: 'Result', owner: 'Map', holds: 'Result', paths: [['.locals', '.cache']] });
