'use strict';
/*
 * Errors that are kept to be reported, each with the request that it came from.
 */
const { run } = require('./small');

class Form { constructor(number) { this.number = number; this.fields = new Array(40).fill('field ' + number); } }
class FormError extends Error { constructor(form) { super('form ' + form.number + ' is not valid'); this.form = form; } }

class Reporter { constructor() { this.failures = []; } note(error) { this.failures.push(error); } }
globalThis.reporter = new Reporter();

run({ leaked: 'FormError', owner: 'Array', holds: 'Form', paths: [['.reporter', '.failures']] }, (number) => {
  try { throw new FormError(new Form(number)); } catch (error) { reporter.note(error); }
});
