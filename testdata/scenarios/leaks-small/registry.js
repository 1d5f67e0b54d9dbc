'use strict';
/*
 * A FinalizationRegistry to which the same long-lived object is given again and again: what it is to hand over then, it holds until then.
 */
const { run } = require('./small');

class Ticket { constructor(number) { this.number = number; this.seats = new Array(40).fill(number); } }

const hall = { name: 'hall' };
const closing = new FinalizationRegistry((ticket) => { ticket.seats.length = 0; });
globalThis.theatre = { hall, closing };

run({ leaked: 'Ticket', owner: 'FinalizationRegistry', holds: 'Ticket', paths: [['.closing'], ['closure variable "closing" of <anonymous>']] },
  (number) => { closing.register(hall, new Ticket(number)); });
