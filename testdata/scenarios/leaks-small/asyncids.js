'use strict';
/*
 * What an async hook notes of each resource by its id, and takes away when the resource is destroyed: these never are.
 */
const { AsyncResource, createHook, executionAsyncId } = require('async_hooks');
const { run } = require('./small');

class Span { constructor(number) { this.number = number; this.events = new Array(40).fill(number + 0.5); } }
class Tracer { constructor() { this.spans = new Map(); this.current = null; } }
const tracer = new Tracer();
globalThis.tracer = tracer;
createHook({
  init(id, type) { if (type === 'QUERY') tracer.spans.set(id, tracer.current); },
  destroy(id) { tracer.spans.delete(id); },
}).enable();

run({ leaked: 'Span', owner: 'Map', holds: 'Span', paths: [['.tracer', '.spans']] }, (number) => {
  tracer.current = new Span(number);
  new AsyncResource('QUERY', { requireManualDestroy: true, triggerAsyncId: executionAsyncId() });
  tracer.current = null;
});
