// Much at once: hundreds of files, and an inbox of which only what can be seen is drawn.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { api, assert, picture, register, run, signIn, view } = require('./browser.cjs');

const FILES = Number(process.env.CONSOLE_FILES ?? 60);
const CONVERSATIONS = Number(process.env.CONSOLE_CONVERSATIONS ?? 600);
const AT_ONCE = 24;
const ROWS = 60;

async function upload(page) {
  const folder = fs.mkdtempSync(path.join(process.env.FOLDER, 'files-'));
  const files = Array.from({ length: FILES }, (_, n) => {
    const file = path.join(folder, `Article ${n}.md`);
    fs.writeFileSync(file, `# Article ${n}\n\nThe item K${n} lies on shelf ${n % 17}.\n`);
    return file;
  });
  const broken = path.join(folder, 'Broken.pdf');
  fs.writeFileSync(broken, 'no such thing');
  await view(page, '/console/knowledge');
  await page.getByRole('button', { name: 'Make the first one' }).click();
  const begun = Date.now();
  await page.locator('input[type=file]').setInputFiles([...files, broken]);
  await page.locator('.queue').getByText('Uploads finished').waitFor({ timeout: 480_000 });
  console.log(`${FILES} files read in ${Date.now() - begun} ms`);
  await page.locator('.queue').getByText(`${FILES} of ${FILES + 1} ready`).waitFor();
  // The one that failed stands first and says why.
  await page.locator('.upload').first().locator('.field-error').waitFor();
  await picture(page, 'many-files');
}

async function write(token) {
  const agent = await api('POST', '/api/agents', { name: 'Echo', model: { provider: 'scripted' }, gather_quiet_ms: 0 }, token);
  const channel = await api('POST', '/api/channels', { kind: 'webchat', name: 'Website', agent: agent.id }, token);
  const { key } = await api('POST', '/api/api-keys', { name: 'Website', scopes: ['chat:write'] }, token);
  let next = 0;
  const one = async () => {
    while (next < CONVERSATIONS) {
      const session = `visitor-${String(next++).padStart(5, '0')}`;
      await api('POST', '/api/chat', { channel: channel.id, session, message: `Hello from ${session}` }, key);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

/** Scrolls through the whole list and tells how long the slowest frame took. */
const scroll = (page) =>
  page.evaluate(async () => {
    const list = document.querySelector('.virtual');
    const step = (list.scrollHeight - list.clientHeight) / 120;
    let [most, slowest, last] = [0, 0, performance.now()];
    for (let n = 1; n <= 120; n++) {
      list.scrollTop = n * step;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      slowest = Math.max(slowest, now - last);
      last = now;
      most = Math.max(most, document.querySelectorAll('.virtual li').length);
    }
    return { most, slowest };
  });

run(async (open) => {
  const token = await register();
  const page = await open();
  await signIn(page);
  await upload(page);
  await write(token);
  await view(page, '/console/inbox');
  const begun = Date.now();
  await page.locator('.conversation:not(.loading)').first().waitFor();
  console.log(`inbox of ${CONVERSATIONS} shown in ${Date.now() - begun} ms`);
  await page.locator('.conversations-head').getByText(new Intl.NumberFormat('en-GB').format(CONVERSATIONS), { exact: true }).waitFor();
  const { most, slowest } = await scroll(page);
  console.log(`at most ${most} rows in the document, slowest frame ${slowest.toFixed(1)} ms`);
  assert.ok(most <= ROWS, `${most} rows`);
  // What was written first is last, and was read when it was scrolled to.
  await page.locator('.virtual li').last().locator('.conversation:not(.loading)').waitFor();
  assert.equal(await page.locator('.virtual li').last().getAttribute('aria-posinset'), String(CONVERSATIONS));
  await page.locator('input[type=search]').fill('visitor-00042');
  await page.locator('.conversations-head').getByText('1', { exact: true }).waitFor();
  await page.locator('.conversation').click();
  await page.locator('.line.person', { hasText: 'Hello from visitor-00042' }).waitFor();
});
