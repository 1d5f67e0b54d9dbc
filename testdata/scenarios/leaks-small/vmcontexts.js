'use strict';
/*
 * Contexts of vm for templates of tenants, which are kept by what was made in them.
 */
const vm = require('vm');
const { run } = require('./small');

class Tenant { constructor(number) { this.number = number; this.rows = new Array(40).fill(number + 0.5); } }
class Templates { constructor() { this.all = []; } compile(tenant) { this.all.push(vm.runInNewContext('(function render() { return tenant.number; })', { tenant })); } }
globalThis.templates = new Templates();

run({ leaked: 'Function', owner: 'Array', holds: 'Tenant', paths: [['.templates', '.all']] }, (number) => { templates.compile(new Tenant(number)); });
