'use strict';
/*
 * Pictures that an add-on draws, kept for each request: their pixels are native memory, and the add-on, written in Rust, reaches them by an
 * allocator of its own.
 */
const { withExpress, run, fromPackages } = require('./service');

const { createCanvas } = fromPackages('@napi-rs/canvas');
const SIDE = 200;
/** Four bytes a pixel. */
const EACH = 4 * SIDE * SIDE;

class Thumbnail { constructor(url) { this.url = url; this.canvas = createCanvas(SIDE, SIDE); } }

run(withExpress((app) => {
  app.locals.thumbnails = new Map();
  app.get('/leak/:number', function draw(request, response) {
    const thumbnail = new Thumbnail(request.url);
    const context = thumbnail.canvas.getContext('2d');
    context.fillRect(0, 0, SIDE, SIDE);
    // What was drawn is pixels only once somebody looks at it.
    context.getImageData(0, 0, 1, 1);
    request.app.locals.thumbnails.set(request.url, thumbnail);
    response.json(SIDE);
  });
}), { leaked: 'CanvasRenderingContext2D', holds: 'Thumbnail', paths: [['.locals', '.thumbnails', '.canvas', '.ctx']], native: { each: EACH, class: 'v8impl::Reference' } });
