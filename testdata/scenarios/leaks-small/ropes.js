'use strict';
/*
 * Texts that are built with += for as long as the process lives: three objects, each with a string of many parts.
 */
const { run } = require('./small');

const LOGS = 3;
const LINES = 100;
class SessionLog { constructor() { this.text = ''; this.lines = 0; } line(said) { this.text += '[' + this.lines++ + '] ' + said + '\n'; } }
class Recorder {
  constructor() { this.sessions = new Map(); }
  of(id) {
    if (!this.sessions.has(id)) this.sessions.set(id, new SessionLog());
    return this.sessions.get(id);
  }
}
globalThis.recorder = new Recorder();

run({
  leaked: 'SessionLog', owner: 'Map', holds: 'SessionLog', few: LOGS, alive: LOGS, paths: [['.recorder', '.sessions']],
  verdict: ['SessionLog held by Recorder.sessions'], counts: false,
}, (number) => {
  for (let line = 0; line < LINES; line++) recorder.of('session-' + number % LOGS).line('request ' + number + ' handled in ' + line + ' ms');
});
