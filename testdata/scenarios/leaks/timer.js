'use strict';
/*
 * Timers that nobody stops: each request begins to look every hour whether its report is there, and goes on for ever.
 */
const { withFastify, run } = require('./service');

class Report { constructor(number) { this.number = number; this.rows = new Array(60).fill(number); this.ready = false; } }

run(withFastify((app) => {
  app.get('/leak/:number', async function order(request) {
    const report = new Report(Number(request.params.number));
    setInterval(function look() { if (report.ready) report.rows.length = 0; }, 3600000).unref();
    return { ordered: report.number };
  });
}), { leaked: 'Timeout', owner: 'TimersList', holds: 'Report', paths: [['[3600000]']] });
