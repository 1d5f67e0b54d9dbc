// Loads a heap snapshot with the code of Chrome's developer tools, and says what is in it, as JSON.
//
//   node devtools.bundle.mjs FILE
//
// Bundled, as the sources are TypeScript. What they do in a second worker is done in this one.
import { createReadStream } from 'node:fs';
import { MessageChannel } from 'node:worker_threads';

import * as HeapSnapshot from 'chrome-devtools-frontend/front_end/entrypoints/heap_snapshot_worker/HeapSnapshot.ts';
import * as Loader from 'chrome-devtools-frontend/front_end/entrypoints/heap_snapshot_worker/HeapSnapshotLoader.ts';

const problems = [];
const dispatcher = {
  sendEvent(name, data) {
    if (name === 'BrokenSnapshot') problems.push(data);
  },
};
// Events of Node.js carry what was sent as it is.
function port(of) {
  return {
    addEventListener: (name, listener) => of.on(name, (data) => listener({ data })),
    removeEventListener() {},
    set onmessage(listener) {
      of.on('message', (data) => listener({ data }));
    },
    postMessage: (data, transfer) => of.postMessage(data, transfer),
    start() {},
  };
}

const loader = new Loader.HeapSnapshotLoader(dispatcher);
for await (const chunk of createReadStream(process.argv[2], { encoding: 'utf8', highWaterMark: 1 << 24 })) {
  loader.write(chunk);
}
loader.close();
const channel = new MessageChannel();
new HeapSnapshot.SecondaryInitManager(port(channel.port2));
const snapshot = await loader.buildSnapshot(port(channel.port1));

const objects = {};
const largest = [];
// Type, id and retained size of every node that retains something, the largest first: ids tell nodes apart where names do not.
const retained = [];
for (let nodes = snapshot.allNodes(); nodes.hasNext(); nodes.next()) {
  const node = nodes.item();
  const type = node.type();
  if (type === 'synthetic') continue;
  retained.push([type, node.id(), node.retainedSize()]);
  const key = `${type} ${node.name()}`.replace(/[^!->@-~]/g, '').slice(0, 80);
  const entry = (objects[key] ??= [0, 0]);
  entry[0] += 1;
  entry[1] += node.selfSize();
  if (['object', 'closure', 'regexp'].includes(type)) {
    largest.push([node.name().toWellFormed(), node.retainedSize(), node.distance()]);
  }
}
largest.sort((a, b) => b[1] - a[1]);
retained.sort((a, b) => b[2] - a[2] || a[1] - b[1]);
process.stdout.write(`\nRESULT ${JSON.stringify({ objects, largest: largest.slice(0, 120), retained: retained.slice(0, 2000), problems })}\n`, () => process.exit(0));
