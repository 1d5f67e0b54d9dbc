'use strict';
/* The language service of TypeScript, as an editor has it: some files that change, the library's declarations, diagnostics on demand. */
const { fromPackages, load } = require('./serve');
const ts = fromPackages('typescript');

const files = new Map();
for (let number = 0; number < 20; number++) {
  files.set(`/file${number}.ts`, { version: 0, text: `export interface Shape${number} { id: number; name: string }\nexport const make${number} = (id: number): Shape${number} => ({ id, name: 'shape' + id });\n` });
}
const host = {
  getScriptFileNames: () => [...files.keys()],
  getScriptVersion: (name) => String(files.get(name)?.version ?? 0),
  getScriptSnapshot: (name) => {
    const text = files.get(name)?.text ?? ts.sys.readFile(name);
    return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
  },
  getCurrentDirectory: () => '/',
  getCompilationSettings: () => ({ strict: true, target: ts.ScriptTarget.ES2022, lib: ['lib.es2022.d.ts'] }),
  getDefaultLibFileName: (options) => ts.getDefaultLibFilePath(options),
  fileExists: (name) => files.has(name) || ts.sys.fileExists(name),
  readFile: (name) => files.get(name)?.text ?? ts.sys.readFile(name),
};
const service = ts.createLanguageService(host, ts.createDocumentRegistry());
service.getSemanticDiagnostics('/file0.ts');

load(async (number) => {
  if (number % 20 !== 0) return;
  const name = `/file${(number / 20) % 20}.ts`;
  const file = files.get(name);
  file.version++;
  file.text = file.text.replace(/\/\/.*|$/, `// edit ${number}`);
  service.getSemanticDiagnostics(name);
  service.getCompletionsAtPosition(name, 10, {});
});
