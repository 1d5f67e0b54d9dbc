/*
 * Has the V8 behind an inspector write a heap snapshot: node snapshot.mjs ws://HOST:PORT/NAME FILE
 */
import fs from 'node:fs';

const [url, file] = process.argv.slice(2);
const out = fs.openSync(file, 'w');
const socket = new WebSocket(url);
let last = 0;
const answers = new Map();
const ask = (method, params = {}) => new Promise((resolve, reject) => {
  answers.set(++last, { resolve, reject });
  socket.send(JSON.stringify({ id: last, method, params }));
});
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.method === 'HeapProfiler.addHeapSnapshotChunk') fs.writeSync(out, message.params.chunk);
  const answer = answers.get(message.id);
  if (answer) message.error ? answer.reject(new Error(message.error.message)) : answer.resolve(message.result);
};
socket.onerror = () => { console.error('no inspector at ' + url); process.exit(1); };
socket.onopen = async () => {
  await ask('Runtime.enable');
  await ask('HeapProfiler.enable');
  await ask('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  fs.closeSync(out);
  process.exit(0);
};
