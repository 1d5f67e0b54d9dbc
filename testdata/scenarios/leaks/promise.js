'use strict';
/*
 * A promise that is never settled: each request waits for its answer or the end of the service, whichever comes first, and so
 * leaves a reaction on the promise of the end.
 */
const { withFastify, run } = require('./service');

class Answer { constructor(number) { this.number = number; this.text = 'answer ' + number; this.lines = new Array(50).fill(number + 0.5); } }

const closing = new Promise(() => {});

run(withFastify((app) => {
  app.decorate('closing', closing);
  app.get('/leak/:number', async function answer(request) {
    const answer = new Answer(Number(request.params.number));
    await Promise.race([Promise.resolve(answer.text), closing.then(function onClose() { answer.lines.length = 0; })]);
    return { number: answer.number };
  });
}), { leaked: 'Function', owner: 'Promise', holds: 'Answer', paths: [['.closing'], ['closure variable "closing" of answer']] });
