/*
 * Runs the program in the first page of a Chromium that has its inspector at a port, and has V8 write a heap snapshot:
 * node drive.mjs PORT DIRECTORY SNAPSHOT
 *
 * `alone.js` and `kinds.js` of the directory run as CommonJS modules do, `buffer.js` before and `page.js` behind them as scripts. Prints what that answers.
 */
import fs from 'node:fs';
import path from 'node:path';

const [port, directory, snapshot] = process.argv.slice(2);
const source = (name) => fs.readFileSync(path.join(directory, name), 'utf8');
const asModule = (name) =>
  `(function () { const module = { exports: {} }; (function (exports, module, require) {${source(name)}\n})` +
  `(module.exports, module, () => globalThis.alone); globalThis.alone ??= module.exports; })()\n//# sourceURL=${name}`;

const patience = Date.now() + 60_000;
async function page() {
  for (;;) {
    try {
      const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
      const found = targets.find((target) => target.type === 'page');
      if (found) return found.webSocketDebuggerUrl;
    } catch { /* It is not there yet. */ }
    if (Date.now() > patience) throw new Error('no page at port ' + port);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const out = fs.openSync(snapshot, 'w');
const socket = new WebSocket(await page());
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
const run = async (expression) => {
  const { result, exceptionDetails } = await ask('Runtime.evaluate', { expression });
  if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
  return result.value;
};
await new Promise((resolve) => { socket.onopen = resolve; });
await run(source('buffer.js') + '\n//# sourceURL=buffer.js');
await run(asModule('alone.js'));
await run(asModule('kinds.js'));
await run(source('page.js') + '\n//# sourceURL=page.js');
console.log(await run('delete globalThis.alone, globalThis.answer'));
await ask('HeapProfiler.enable');
await ask('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
fs.closeSync(out);
process.exit(0);
