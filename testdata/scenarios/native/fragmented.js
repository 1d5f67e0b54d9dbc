// Allocates many buffers and keeps every fortieth, so that malloc has much that is free and cannot be given back by itself. Prints READY, and
// lives on.
'use strict';
const kept = (global.kept = []);
for (let index = 0; index < 100_000; index++) {
  const buffer = Buffer.allocUnsafeSlow(2000).fill(index);
  kept.push(index % 40 ? null : buffer);
}
for (let round = 0; round < 4; round++) global.gc();
setTimeout(() => {
  console.log('READY');
  setInterval(() => {}, 1e6);
}, 1000);
