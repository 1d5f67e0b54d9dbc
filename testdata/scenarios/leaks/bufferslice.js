'use strict';
/*
 * Slices that hold slabs: of each upload of 16 KB only the first 16 bytes are kept, as a slice, which keeps all of it.
 */
const { withFastify, run } = require('./service');

class Upload { constructor(number) { this.number = number; this.magic = Buffer.alloc(16384, number % 251).subarray(0, 16); } }

run(withFastify((app) => {
  app.decorate('uploads', []);
  app.get('/leak/:number', async function upload(request) {
    app.uploads.push(new Upload(Number(request.params.number)));
    return { bytes: app.uploads.at(-1).magic.length };
  });
}), { leaked: 'Upload', owner: 'Array', holds: 'Upload', paths: [['.uploads']] });
