'use strict';
/* A module with a cache of its own: see modulecache.js. */
class Template { constructor(name) { this.name = name; this.parts = ['<p>', name, '</p>'].concat(new Array(40).fill('&nbsp;')); } }

const compiled = {};

function render(name, values) {
  if (!compiled[name]) compiled[name] = new Template(name);
  return compiled[name].parts.join(values.number);
}

module.exports = { render, compiled };
