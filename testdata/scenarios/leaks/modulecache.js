'use strict';
/*
 * A module that remembers: the templates that renderer.js has compiled, by the whole URL, query included. Every request brings a new
 * one.
 */
const { withExpress, run } = require('./service');
const renderer = require('./renderer');

run(withExpress((app) => {
  app.get('/leak/:number', function page(request, response) {
    response.send(renderer.render(request.originalUrl, { number: request.params.number }));
  });
}), { leaked: 'Template', owner: 'Object', holds: 'Template', paths: [['.compiled'], ['closure variable "compiled" of render']] });
