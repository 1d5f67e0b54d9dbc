/*
 * `kinds` in workerd: the values and populations of kinds.js, loaded as a CommonJS module, and a Map of sessions that only grows.
 */
import './alone';
import './kinds';

class Session { constructor(number) { this.number = number; this.name = 'session ' + number; } }
const sessions = globalThis.sessions = new Map();
for (let number = 0; number < 1003; number++) sessions.set('key ' + number, new Session(number));

export default { async fetch() { return new Response(globalThis.kinds.magic + ', sessions ' + sessions.size); } };
