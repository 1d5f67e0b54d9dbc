'use strict';
/*
 * Templates that are compiled anew for each request: each a function with a script of its own.
 */
const { run } = require('./small');

class Layout { constructor(number) { this.number = number; this.slots = new Array(40).fill('slot ' + number); } }

globalThis.Layout = Layout;
globalThis.templates = [];

run({ leaked: 'Function', owner: 'Array', holds: 'Layout', paths: [['.templates']] }, (number) => {
  const template = new Function('layout', `return function render() { return layout.slots.join(${number}); };`);
  templates.push(template(new Layout(number)));
});
