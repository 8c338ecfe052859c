// What a team does with its documents: drops them, sees pages that could not be read, looks at the passages, tries questions,
// finds what nobody could answer, and changes a document only when it has seen what that changes.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { api, assert, barriers, picture, register, run, signIn, view } = require('./browser.cjs');

const SPA = '# Spa\n\n## Prices\n\nA massage of 50 minutes costs 85 euros.\n\n## Hours\n\nThe spa opens at ten in the morning.\n';

run(async (open) => {
  const token = await register();
  const own = (method, to, body) => api(method, to, body, token);
  const base = await own('POST', '/api/knowledge-bases', { name: 'default' });
  await own('POST', '/api/agents', { name: 'Desk', knowledge: ['default'], gather_quiet_ms: 0 });
  const page = await open();
  await signIn(page, '/console/knowledge');

  // Dropped, not only chosen.
  const dropped = await page.evaluateHandle((text) => {
    const data = new DataTransfer();
    data.items.add(new File([text], 'Spa.md', { type: 'text/markdown' }));
    return data;
  }, SPA);
  await page.locator('.drop').dispatchEvent('drop', { dataTransfer: dropped });
  await page.locator('.upload', { hasText: 'Spa.md' }).getByText('Ready', { exact: true }).waitFor();
  await page.locator('input[type=file]').setInputFiles(process.env.SCAN);
  await page.locator('.upload', { hasText: 'scan.pdf' }).locator('.field-error').waitFor();

  // Page by page what is wrong with a scan; of a good document what agents read.
  await page.getByRole('link', { name: 'scan.pdf' }).click();
  const problems = page.getByRole('region', { name: 'Pages with problems' });
  await problems.getByText('It has no text: probably a scan.').first().waitFor();
  assert.equal(await problems.locator('li').count(), 2);
  assert.deepEqual(await barriers(page), []);
  await page.getByRole('link', { name: 'Knowledge' }).last().click();
  await page.locator('.list').getByRole('link', { name: 'Spa.md' }).click();
  const passages = page.getByRole('region', { name: 'Passages' });
  await passages.getByText('A massage of 50 minutes costs 85 euros.').waitFor();
  await passages.getByText('Spa › Hours').waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'document-passages');

  // Which passages answer, and why.
  await view(page, `/console/knowledge/${base.id}/try`);
  await page.locator('.ask input').fill('How much is a massage?');
  await page.keyboard.press('Enter');
  const first = page.locator('.passage').first();
  await first.locator('mark').first().waitFor();
  await first.getByRole('link', { name: 'Spa.md' }).waitFor();
  assert.ok(Number(await first.locator('.scores strong').textContent()) > 0);
  await page.getByRole('region', { name: 'Answer', exact: true }).getByText('85 euros').waitFor();

  // What no document answers says what to write; asked by somebody.
  for (const message of ['How much is a massage?', 'Do you rent bicycles?']) await own('POST', '/api/chat', { agent: 'Desk', session: 'visitor', message });
  await view(page, `/console/knowledge/${base.id}/unanswered`);
  await page.getByRole('button', { name: /bicycles/ }).click();
  await page.locator('.questions').getByRole('link', { name: /bicycles/ }).waitFor();
  await page.getByRole('button', { name: 'Answered now' }).click();
  await page.getByText('Nothing is unanswered').waitFor();

  // A change that is tried first: before and after, then it holds.
  const changed = path.join(process.env.FOLDER, 'Spa.md');
  fs.writeFileSync(changed, SPA.replace('85', '95'));
  await view(page, `/console/knowledge/${base.id}/proposals`);
  await page.locator('input[type=file]').setInputFiles(changed);
  await page.getByText('Reviewed', { exact: true }).waitFor();
  const sides = page.locator('.before-after', { hasText: '85 euros' });
  await sides.locator('.side-by', { hasText: '95 euros' }).waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'proposal');
  await page.getByRole('button', { name: 'Put into effect' }).click();
  await page.getByText('In effect', { exact: true }).waitFor();
  // Readers see the old one until the new one is read.
  await page.waitForFunction(async ([token, question]) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const told = await fetch('/api/ask', { method: 'POST', headers, body: JSON.stringify({ kb: 'default', question }) });
    return /95 euros/.test((await told.json()).data?.answer ?? '');
  }, [token, 'How much is a massage?'], { polling: 250 });
});
