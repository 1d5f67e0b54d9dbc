'use strict';
/*
 * Blobs that were given a URL, which nobody takes back: Node.js keeps them in C++, where JavaScript shows no more than a handle.
 */
const { run } = require('./small');

const EACH = 20000;
run({ leaked: 'Blob', holds: 'Blob', paths: [], verdict: ['registered by URL.createObjectURL'], native: { each: EACH, keeper: 'node::BlobBindingData', class: 'node::Blob' } },
  (number) => { URL.createObjectURL(new Blob([Buffer.alloc(EACH, number)])); });
