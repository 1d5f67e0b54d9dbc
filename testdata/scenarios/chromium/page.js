'use strict';
/*
 * `kinds` in a page of Chromium, once it has run there as a function, and a Map of sessions that only grows.
 */
class Session { constructor(number) { this.number = number; this.name = 'session ' + number; } }
const sessions = globalThis.sessions = new Map();
for (let number = 0; number < 1003; number++) sessions.set('key ' + number, new Session(number));

globalThis.answer = globalThis.kinds.magic + ', sessions ' + sessions.size;
