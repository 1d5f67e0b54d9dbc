// Asks `v8mdb mcp` what an assistant would ask, through the protocol's own client: assistant.mjs V8MDB CORE BASE
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const [program, core, base] = process.argv.slice(2);
const client = new Client({ name: 'xtask', version: '1' });
await client.connect(new StdioClientTransport({ command: program, args: ['mcp'] }));
const wrong = [];
const expect = (holds, what) => { if (!holds) wrong.push(what); };
const call = async (name, args) => {
  const result = await client.callTool({ name, arguments: args });
  const text = result.content.map((part) => part.text).join('');
  expect(text.length > 0, `${name} gives nothing`);
  return { failed: result.isError === true, text, value: result.isError ? null : JSON.parse(text) };
};

const { tools } = await client.listTools();
expect(tools.map((tool) => tool.name).join() === 'open,run,help,close', 'the tools are others');
const opened = await call('open', { core, base });
expect(!opened.failed && opened.text.length <= 4096, `open: ${opened.text}`);
const { session } = opened.value;
const leaks = await call('run', { session, line: '::jsleaks -n 3' });
expect(leaks.value.rows.every((row) => row.count > 0 && row.constructor), leaks.text);
let page = await call('run', { session, line: '::findjsobjects', bytes: 4096 });
let [rows, left] = [page.value.rows.length, page.value.leftOut];
const total = rows + left;
while (page.value.cursor) {
  page = await call('run', { session, cursor: page.value.cursor, bytes: 32768 });
  rows += page.value.rows.length;
}
expect(rows === total, `${rows} rows of ${total}`);
const other = await call('open', { core: base });
expect(other.value.session !== session, 'two cores in one session');
const unknown = await call('run', { session, line: '::findjsobjects -c Sesion' });
expect(unknown.failed && unknown.text.includes('Session'), unknown.text);
const written = await call('run', { session, line: '::heapsnapshot /tmp/out.heapsnapshot' });
expect(written.failed && written.text.includes('restricted'), written.text);
expect((await call('help', { topic: 'diff' })).value.manual.includes('older core'), 'no manual');
expect(!(await call('close', { session })).failed, 'not closed');
expect((await call('run', { session, line: '::status' })).failed, 'a closed session answers');
await client.close();
console.log(JSON.stringify({ wrong, rows: total, verdict: opened.value.triage.split('\n')[0] }));
