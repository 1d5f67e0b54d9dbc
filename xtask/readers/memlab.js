// Loads a heap snapshot with memlab, and says what is in it, as JSON.
//
//   node memlab.js FILE
const { getFullHeapFromFile } = require('@memlab/heap-analysis');

(async () => {
  const heap = await getFullHeapFromFile(process.argv[2]);
  const objects = {};
  const largest = [];
  heap.nodes.forEach((node) => {
    if (node.type === 'synthetic') return;
    const key = `${node.type} ${node.name}`.replace(/[^!->@-~]/g, '').slice(0, 80);
    const entry = (objects[key] ??= [0, 0]);
    entry[0] += 1;
    entry[1] += node.self_size;
    if (['object', 'closure', 'regexp'].includes(node.type)) largest.push([node.name.toWellFormed(), node.retainedSize, 0]);
  });
  largest.sort((a, b) => b[1] - a[1]);
  process.stdout.write(`\nRESULT ${JSON.stringify({ objects, largest: largest.slice(0, 120), problems: [] })}\n`, () => process.exit(0));
})();
