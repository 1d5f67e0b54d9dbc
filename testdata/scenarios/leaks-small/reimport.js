'use strict';
/*
 * A module that is imported with another query each time, so as to be read again: the loader keeps all of them.
 */
const { run } = require('./small');
const { hold } = require('../hold');

class Theme { constructor(number) { this.number = number; this.colours = new Array(40).fill(number + 0.5); } }
let made = 0;
globalThis.makeTheme = () => new Theme(made++);
const source = 'data:text/javascript,export default globalThis.makeTheme()//';

const imports = [];
const truth = { leaked: 'Object', owner: 'LoadCache', holds: 'Theme', paths: [['.loadCache']] };
run(truth, (number) => { imports.push(import(source + number)); }, () => {
  Promise.all(imports.splice(0)).then(() => setTimeout(() => hold({ leak: truth }), 20));
});
