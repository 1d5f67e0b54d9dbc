'use strict';
/*
 * Small views of large buffers: of each packet only the header is kept, in two views that share bytes.
 */
const { run, REQUESTS } = require('./small');

const LENGTH = 30000;
class Header { constructor(packet) { this.magic = new Uint8Array(packet, 0, 16); this.sizes = new DataView(packet, 8, 24); } }
class Sniffer { constructor() { this.headers = []; } }
globalThis.sniffer = new Sniffer();

run({
  leaked: 'Header', owner: 'Array', holds: 'Header', paths: [['.sniffer', '.headers']],
  views: { parts: 2 * REQUESTS, shortest: 16, longest: 24, wholes: REQUESTS, bytes: REQUESTS * LENGTH, wasted: REQUESTS * (LENGTH - 32) },
}, () => { sniffer.headers.push(new Header(new ArrayBuffer(LENGTH))); });
