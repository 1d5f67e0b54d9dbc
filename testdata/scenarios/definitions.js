'use strict';
/*
 * Where the functions of files are and what they are called, according to an independent parser:
 *
 *   node definitions.js --packages=DIR < [files, a JSON array]
 *
 * Prints a JSON object: file -> a list of { start, end, name, line, column, original }. `start` and `end` are as
 * Function.prototype.toString has them, in UTF-16 code units; a class is given by its constructor, written or not.
 * `name` is what the language calls the function ("" for none). `original` is the place of `start` in the sources that
 * the file was built from, according to the decoder of Node.js itself.
 */
const fs = require('fs');
const path = require('path');
const { SourceMap, createRequire } = require('module');

const packages = process.argv.find((argument) => argument.startsWith('--packages=')).slice(11);
const acorn = createRequire(path.resolve(packages, 'node_modules/package.json'))('acorn');

const isFunction = (node) => /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type);
const isClass = (node) => /^(ClassDeclaration|ClassExpression)$/.test(node.type);
const isNameless = (node) => node && ((isFunction(node) || isClass(node)) && !node.id);

/** The name of a key that is not computed. */
function keyName(node) {
  if (node.computed) return '';
  if (node.key.type === 'PrivateIdentifier') return '#' + node.key.name;
  return node.key.type === 'Identifier' ? node.key.name : String(node.key.value);
}

function definitions(text) {
  const found = [];
  const names = new Map();
  const heads = new Map();
  const name = (node, called) => { if (isNameless(node)) names.set(node, called); };
  function visit(node, className) {
    switch (node.type) {
      case 'VariableDeclarator': if (node.id.type === 'Identifier') name(node.init, node.id.name); break;
      case 'AssignmentExpression': if (node.left.type === 'Identifier' && /^(=|&&=|\|\|=|\?\?=)$/.test(node.operator)) name(node.right, node.left.name); break;
      case 'AssignmentPattern': if (node.left.type === 'Identifier') name(node.right, node.left.name); break;
      case 'Property':
        if (node.method || node.kind !== 'init') { names.set(node.value, (node.kind === 'init' ? '' : node.kind + ' ') + keyName(node)); heads.set(node.value, node.start); }
        else if (!(keyName(node) === '__proto__' && !node.computed && !node.shorthand)) name(node.value, keyName(node));
        break;
      case 'PropertyDefinition': if (node.value) name(node.value, keyName(node)); break;
      case 'MethodDefinition': {
        let head = node.start;
        if (node.static) head += /^static\s*/.exec(text.slice(node.start))[0].length;
        heads.set(node.value, head);
        if (node.kind === 'constructor') names.set(node.value, className);
        else names.set(node.value, (node.kind === 'method' ? '' : node.kind + ' ') + keyName(node));
        break;
      }
    }
    let own = className;
    if (isFunction(node)) {
      const called = node.id ? node.id.name : names.get(node) ?? '';
      found.push({ start: heads.get(node) ?? node.start, end: node.end, name: called });
    } else if (isClass(node)) {
      own = node.id ? node.id.name : names.get(node) ?? '';
      const hasConstructor = node.body.body.some((member) => member.kind === 'constructor');
      if (!hasConstructor) found.push({ start: node.start, end: node.start, name: own });
    }
    for (const child of Object.values(node)) {
      for (const inner of Array.isArray(child) ? child : [child]) if (inner && typeof inner.type === 'string') visit(inner, own);
    }
  }
  const tree = acorn.parse(text, { ecmaVersion: 'latest', sourceType: 'script', allowReturnOutsideFunction: true, allowHashBang: true });
  visit(tree, '');
  return found;
}

/** The source map that a file names, and the file it is relative to. */
function mapOf(file, text) {
  const url = /^\/\/# sourceMappingURL=(\S+)\s*$/m.exec(text.slice(text.lastIndexOf('\n//#') + 1));
  if (!url) return null;
  if (url[1].startsWith('data:')) return [new SourceMap(JSON.parse(Buffer.from(url[1].split(',')[1], 'base64'))), file];
  const at = path.resolve(path.dirname(file), url[1]);
  return fs.existsSync(at) ? [new SourceMap(JSON.parse(fs.readFileSync(at, 'utf8'))), at] : null;
}

const all = {};
for (const file of JSON.parse(fs.readFileSync(0, 'utf8'))) {
  const text = fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  const ends = [...text.matchAll(/\r\n|[\n\r\u2028\u2029]/g)].map((match) => match.index + match[0].length);
  const map = mapOf(file, text);
  all[file] = definitions(text).map((definition) => {
    const line = ends.filter((end) => end <= definition.start).length;
    const column = definition.start - (line ? ends[line - 1] : 0);
    let original = null;
    if (map) {
      const entry = map[0].findEntry(line, column);
      // The decoder goes back to earlier lines where a line has nothing in front of a column; V8's tools do not.
      if (entry.originalSource !== undefined && entry.generatedLine === line) {
        original = { file: path.resolve(path.dirname(map[1]), entry.originalSource), line: entry.originalLine + 1, column: entry.originalColumn + 1 };
      }
    }
    return { ...definition, line: line + 1, column: column + 1, original };
  });
}
process.stdout.write(JSON.stringify(all));
