'use strict';
/*
 * Formats of Intl by customer, each of which is made anew though there are only few languages.
 */
const { run } = require('./small');

class Formatter { constructor(number) { this.number = number; this.money = new Intl.NumberFormat('de-DE', { style: 'currency', currency: 'EUR' }); this.samples = new Array(40).fill(number + 0.5); } }
class Formatters { constructor() { this.byCustomer = new Map(); } }
globalThis.formatters = new Formatters();

run({ leaked: 'Formatter', owner: 'Map', holds: 'Formatter', paths: [['.formatters', '.byCustomer']] }, (number) => { formatters.byCustomer.set('customer-' + number, new Formatter(number)); });
