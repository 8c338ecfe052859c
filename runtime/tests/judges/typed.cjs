// Values by the types of a package: standard input is `{types: file, values: [[type, value]]}`; a type is named from `T`, the
// file's exports. What is missing, wrong or too much does not compile.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const ts = require('typescript');

const { types, values } = JSON.parse(fs.readFileSync(0, 'utf8'));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'typed-'));
const file = path.join(folder, 'said.ts');
const text = [
  `import type * as T from ${JSON.stringify(types)};`,
  ...values.map(([type, value], n) => `export const value${n}: ${type} = ${JSON.stringify(value)};`),
].join('\n');
fs.writeFileSync(file, text);
const options = { noEmit: true, strict: true, skipLibCheck: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, types: [] };
const found = ts.getPreEmitDiagnostics(ts.createProgram([file], options)).map((d) => {
  const line = d.file && d.start !== undefined ? d.file.getLineAndCharacterOfPosition(d.start).line : 0;
  return `${text.split('\n')[line]}\n  ${ts.flattenDiagnosticMessageText(d.messageText, '\n  ')}`;
});
fs.rmSync(folder, { recursive: true });
for (const complaint of found) console.error(complaint);
process.exitCode = found.length ? 1 : 0;
