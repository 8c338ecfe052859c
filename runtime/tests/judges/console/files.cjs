// The files of the console themselves: the vendored library is what its registry has, the dictionaries match, and every
// text that is asked for is there.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const zlib = require('node:zlib');

const CONSOLE = path.join(__dirname, '../../../../console');
const MODULES = process.env.NODE_PATH;
/** Our name, and where the package has it. */
const VENDORED = {
  'preact.js': 'preact/dist/preact.mjs',
  'hooks.js': 'preact/hooks/dist/hooks.mjs',
  'htm.js': 'htm/dist/htm.mjs',
  'signals.js': '@preact/signals/dist/signals.mjs',
  'signals-core.js': '@preact/signals-core/dist/signals-core.mjs',
};
/** Names of packages become files beside; nothing else is changed. */
const NAMES = { preact: './preact.js', 'preact/hooks': './hooks.js', '@preact/signals-core': './signals-core.js' };

const read = (...parts) => fs.readFileSync(path.join(...parts), 'utf8');
const vendored = (text) =>
  text.replace(/from *"([^"]+)"/g, (all, name) => (NAMES[name] ? `from"${NAMES[name]}"` : all)).replace(/\/\/# sourceMappingURL=.*$/m, '').trimEnd();

function sources(folder) {
  return fs.readdirSync(folder, { withFileTypes: true, recursive: true }).filter((f) => f.isFile()).map((f) => path.join(f.parentPath ?? f.path, f.name));
}

async function main() {
  for (const [name, from] of Object.entries(VENDORED)) {
    assert.equal(read(CONSOLE, 'vendor', name).trimEnd(), vendored(read(MODULES, from)), `vendor/${name} is not ${from}`);
  }
  const [en, fr] = await Promise.all(['en', 'fr'].map(async (l) => (await import(pathToFileURL(path.join(CONSOLE, `i18n/${l}.js`)))).default));
  assert.deepEqual(Object.keys(fr), Object.keys(en));
  for (const key of Object.keys(en)) {
    const names = (text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
    assert.deepEqual(names(fr[key]), names(en[key]), key);
  }
  const scripts = sources(path.join(CONSOLE, 'app'));
  const asked = scripts.flatMap((file) => [...read(file).matchAll(/\bt\('([^']+)'/g)].map((m) => m[1]));
  assert.ok(asked.length > 300);
  assert.deepEqual(asked.filter((key) => !(key in en)), []);
  // Keys that are put together are asked for by their beginning.
  const begun = scripts.flatMap((file) => [...read(file).matchAll(/(?:\bt\(`|named\(')([\w.]+)[.$']/g)].map((m) => m[1].replace(/\.$/, '')));
  const lists = scripts.flatMap((file) => [...read(file).matchAll(/\['([^\]]*)'\]\.map/g)].flatMap((m) => m[1].split(/', '/)));
  const paired = scripts.flatMap((file) => [...read(file).matchAll(/\['([\w.]+)', /g)].map((m) => m[1]));
  const known = new Set([...asked, ...lists, ...paired]);
  const unused = Object.keys(en).filter((key) => {
    const plain = key.replace(/\.one$/, '');
    return !known.has(plain) && !begun.some((b) => plain.startsWith(`${b}.`));
  });
  assert.deepEqual(unused, []);

  // All modules are asked for at once, not one after the other as they are found.
  const modules = ['vendor', 'i18n', 'app'].flatMap((folder) => sources(path.join(CONSOLE, folder)))
    .filter((file) => file.endsWith('.js')).map((file) => path.relative(CONSOLE, file).replaceAll(path.sep, '/'));
  const named = [...read(CONSOLE, 'index.html').matchAll(/\{\{assets\}\}\/([\w/-]+\.js)/g)].map((m) => m[1]);
  assert.deepEqual(named.sort(), modules.sort());

  const shipped = sources(CONSOLE).filter((file) => !file.endsWith('.md') && !file.includes('LICEN'));
  const [raw, packed] = shipped.reduce(([r, p], file) => [r + fs.statSync(file).size, p + zlib.gzipSync(fs.readFileSync(file)).length], [0, 0]);
  console.log(`${shipped.length} files, ${raw} bytes, ${packed} with gzip`);
  assert.ok(packed < 160_000, 'the console stays small');
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
