'use strict';
// A service that is as it should be: it watches a file and reads it again when it changes; the data that it needs is large, and stays.
const fs = require('node:fs');

class Place {
  constructor(index) {
    this.latitude = index / 7;
    this.longitude = index / 11;
  }
}

const table = new Float64Array(50_000).fill(1.5);
const places = Array.from({ length: 300 }, (_, index) => new Place(index));
let read = 0;
async function load() {
  const text = await fs.promises.readFile(__filename, 'utf8');
  read += text.length;
  return table.length + places.length;
}
fs.watch(__filename, () => load());
(async () => {
  for (let round = 0; round < 50; round++) await load();
  setTimeout(() => console.log('ready'), 300);
})();
