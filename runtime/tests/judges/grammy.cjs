// Telegram, by the types of grammY (npm's `@grammyjs/types`): standard input is `{calls: [[method, body]], updates: [...]}`.
// Every call must be one of the Bot API's with exactly its parameters, every update one that Telegram sends.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const ts = require('typescript');

const TYPES = path.dirname(require.resolve('@grammyjs/types/package.json'));

/** A source file in which each value stands with its type: what is missing, wrong or too much does not compile. */
function source({ calls, updates }) {
  const lines = [
    `import type { ApiMethods, Update } from ${JSON.stringify(path.join(TYPES, 'mod.d.ts'))};`,
    // Files travel as addresses or in a form, never as objects.
    'type Api = ApiMethods<never>;',
    'type Args<M extends keyof Api> = Parameters<Api[M]> extends [] ? Record<string, never> : Parameters<Api[M]>[0];',
    ...calls.map(([method, body], n) => `export const call${n}: Args<${JSON.stringify(method)}> = ${JSON.stringify(body)};`),
    ...updates.map((update, n) => `export const update${n}: Update = ${JSON.stringify(update)};`),
  ];
  return lines.join('\n');
}

function judge(text) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grammy-'));
  const file = path.join(folder, 'said.ts');
  fs.writeFileSync(file, text);
  const options = { noEmit: true, strict: true, exactOptionalPropertyTypes: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, types: [] };
  const program = ts.createProgram([file], options);
  const found = ts.getPreEmitDiagnostics(program).map((d) => {
    const at = d.file && d.start !== undefined ? `${path.basename(d.file.fileName)}:${d.file.getLineAndCharacterOfPosition(d.start).line + 1}: ` : '';
    return at + ts.flattenDiagnosticMessageText(d.messageText, '\n');
  });
  fs.rmSync(folder, { recursive: true });
  return found;
}

const said = JSON.parse(fs.readFileSync(0, 'utf8'));
const text = source(said);
const found = judge(text);
for (const complaint of found) console.error(complaint);
if (found.length) console.error(text.split('\n').map((line, n) => `${n + 1}: ${line}`).join('\n'));
console.log(JSON.stringify({ calls: said.calls.length, updates: said.updates.length, complaints: found.length }));
process.exitCode = found.length ? 1 : 0;
