'use strict';
/*
 * A WeakMap does not help if its keys stay: each plugin that is loaded again leaves the one before in the list.
 */
const { run } = require('./small');

class Plugin { constructor(number) { this.name = 'plugin-' + number; } }
class Metadata { constructor(number) { this.number = number; this.hooks = new Array(50).fill(number); } }

const metadata = new WeakMap();
class Loader { constructor() { this.loaded = []; } load(number) { const plugin = new Plugin(number); metadata.set(plugin, new Metadata(number)); this.loaded.push(plugin); } }

globalThis.loader = new Loader();

run({ leaked: 'Plugin', owner: 'Array', holds: 'Plugin', paths: [['.loader', '.loaded']] }, (number) => loader.load(number));
