'use strict';
/*
 * Requests that are never answered: a handler that forgets one of its ways out. The clients wait, and each request hangs on its parser
 * and on its socket; no object of the program leads to it.
 */
const { withExpress, run } = require('./service');

class Report { constructor(number) { this.number = number; this.rows = new Array(80).fill(number + 0.5); } }

run(withExpress((app) => {
  app.get('/leak/:number', function make(request, response) {
    request.report = new Report(Number(request.params.number));
    if (request.report.rows.length < 80) response.json({});
  });
}), { leaked: 'IncomingMessage', place: 'each held by several objects', holds: 'Report', unanswered: true, paths: [],
  verdict: ['IncomingMessage held by HTTPParser.incoming'] });
