'use strict';
/*
 * Who keeps whom alive, in ways that have one right answer each:
 *
 *   list      10,000 links in a row: each retains all behind it
 *   shared    one object that two others hold: neither retains it, but both together
 *   secrets   objects that only a WeakMap holds, each under a key of its own; and one in a map that is gone
 *   buffers   20 buffers of 4096 bytes outside of the heap
 *   captured  an object that only a closure holds
 *   listened  500 listeners on one emitter, of which nobody takes any away
 *   waiting   an object that only the continuation of a promise holds
 *   timed     an object that only a timer holds
 */
const { EventEmitter } = require('events');
const { hold } = require('./hold');

class Link { constructor(next) { this.next = next; } }
class Shared { constructor() { this.text = 'held twice ' + process.pid % 1; } }
class Left { constructor(shared) { this.shared = shared; } }
class Right { constructor(shared) { this.shared = shared; } }
class Key { constructor(index) { this.index = index; } }
class Secret { constructor(index) { this.index = index; } }
class LostSecret { constructor(key) { this.key = key; } }
class Captured { constructor() { this.why = 'a closure'; } }
class Listener { constructor(index) { this.index = index; this.heard = []; } }
class Waiting { constructor() { this.why = 'a promise'; } }
class Timed { constructor() { this.why = 'a timer'; } }
class Upload { constructor(index) { this.index = index; this.bytes = new ArrayBuffer(4096); } }

class Retained {
  constructor() {
    this.list = null;
    for (let i = 0; i < 10000; i++) this.list = new Link(this.list);
    const shared = new Shared();
    this.left = new Left(shared);
    this.right = new Right(shared);
    this.keys = [];
    this.secrets = new WeakMap();
    for (let i = 0; i < 50; i++) {
      const key = new Key(i);
      this.keys.push(key);
      this.secrets.set(key, new Secret(i));
    }
    new WeakMap().set(this.keys[0], new LostSecret(this.keys[0]));
    this.uploads = [];
    for (let i = 0; i < 20; i++) this.uploads.push(new Upload(i));
    this.emitter = new EventEmitter();
    this.emitter.setMaxListeners(1000);
    for (let i = 0; i < 500; i++) {
      const listener = new Listener(i);
      this.emitter.on('tick', function heard() { listener.heard.push(1); });
    }
    const captured = new Captured();
    this.closure = function holder() { return captured; };
  }
}

(function wait() {
  const waiting = new Waiting();
  globalThis.never = new Promise(() => {});
  globalThis.never.then(function continued() { return waiting; });
  const timed = new Timed();
  setTimeout(function late() { return timed; }, 1e8);
})();
globalThis.retained = new Retained();
hold();
