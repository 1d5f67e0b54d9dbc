'use strict';
/*
 * A service that ends because its heap is full: what it reads is remembered for ever.
 * Run with --max-old-space-size=20 --abort-on-uncaught-exception; the kernel writes the core.
 */
class Reading {
  constructor(sensor, samples) { this.sensor = sensor; this.samples = samples; }
}

class History {
  constructor() { this.readings = []; }
  remember(reading) {
    this.readings.push(reading);
  }
}

const history = new History();

function poll() {
  for (let sensor = 0; ; sensor++) history.remember(new Reading(sensor % 16, new Array(1000).fill(7)));
}

setTimeout(poll, 10);
