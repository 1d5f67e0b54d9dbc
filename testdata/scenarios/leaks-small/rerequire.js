'use strict';
/*
 * A configuration that is read again by deleting it from the cache of modules: each of its versions stays a child of the module that
 * required it. This file is both.
 */
if (module.parent && module.parent.filename === __filename) {
  module.exports = globalThis.makeSettings();
} else {
  const { run } = require('./small');

  class Settings { constructor(number) { this.number = number; this.values = new Array(40).fill(number + 0.5); } }
  let version = 0;
  globalThis.makeSettings = () => new Settings(version);
  globalThis.reloader = { module };

  run({ leaked: 'Module', owner: 'Array', holds: 'Settings', paths: [['.children']] }, (number) => {
    version = number;
    delete require.cache[__filename];
    require(__filename);
    delete require.cache[__filename];
  });
}
