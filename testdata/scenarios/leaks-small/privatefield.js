'use strict';
/*
 * A cache in a private field, with objects as keys: two that say the same are two.
 */
const { run } = require('./small');

class Answer { constructor(number) { this.number = number; this.rows = new Array(40).fill(number + 0.5); } }
class Resolver {
  #answers = new Map();
  resolve(question) { if (!this.#answers.has(question)) this.#answers.set(question, new Answer(question.id)); return this.#answers.get(question); }
}
globalThis.resolver = new Resolver();

run({ leaked: 'Answer', owner: 'Map', holds: 'Answer', paths: [['.resolver', '.#answers']] }, (number) => { resolver.resolve({ id: number }); });
