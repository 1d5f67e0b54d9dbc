'use strict';
/*
 * A cache of weak references that forgets to remove those whose target is gone: the targets go, the entries stay.
 */
const { run } = require('./small');

class Image { constructor(number) { this.number = number; } }
class Entry { constructor(number) { this.image = new WeakRef(new Image(number)); this.key = { number, tags: new Array(40).fill(number + 0.5) }; } }
class Images { constructor() { this.entries = new Map(); } }
globalThis.images = new Images();

run({ leaked: 'Entry', owner: 'Map', holds: 'Entry', paths: [['.images', '.entries']] }, (number) => { images.entries.set('image-' + number, new Entry(number)); });
