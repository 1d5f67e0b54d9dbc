'use strict';
/*
 * A few large objects: three logs, each a text to which every request adds a line.
 */
const { withExpress, run } = require('./service');

class Log { constructor(name) { this.name = name; this.text = ''; } add(line) { this.text += line; } }

run(withExpress((app) => {
  app.locals.logs = new Map(['error', 'access', 'audit'].map((name) => [name, new Log(name)]));
  app.get('/leak/:number', function log(request, response) {
    for (const one of request.app.locals.logs.values()) {
      for (let line = 0; line < 20; line++) one.add(`${request.url} line ${line} of ${one.name}\n`);
    }
    response.json({});
  });
}), { leaked: 'Log', owner: 'Map', holds: 'Log', few: 3, paths: [['.locals', '.logs']] });
