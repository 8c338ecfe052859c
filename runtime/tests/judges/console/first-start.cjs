// From nothing to a bot that answers, as somebody new does it, with the clicks counted.
'use strict';

const { PERSON, assert, picture, run } = require('./browser.cjs');

run(async (open) => {
  const page = await open();
  let clicks = 0;
  const click = async (target) => {
    clicks++;
    await target.click();
  };
  const begun = Date.now();
  await page.goto('/');
  await page.locator('form').waitFor();
  const { interactive, bytes } = await page.evaluate(() => ({
    interactive: performance.now(),
    bytes: performance.getEntriesByType('resource').reduce((sum, r) => sum + r.encodedBodySize, 0),
  }));
  console.log(`interactive after ${Math.round(interactive)} ms (${Date.now() - begun} ms with the redirect), ${bytes} bytes`);

  await click(page.getByRole('link', { name: 'Create a team' }));
  await page.getByLabel('Team or company').fill(PERSON.team);
  await page.getByLabel('Your name').fill(PERSON.name);
  await page.getByLabel('E-mail').fill('nonsense');
  await page.getByLabel('Password').fill('short');
  await page.getByRole('button', { name: 'Create the team' }).click();
  // All that is wrong at once, each at its field.
  await page.locator('.field-error').nth(1).waitFor();
  assert.equal(await page.locator('[aria-invalid=true]').count(), 2);
  await page.getByLabel('E-mail').fill(PERSON.email);
  await page.getByLabel('Password').fill(PERSON.password);
  await click(page.getByRole('button', { name: 'Create the team' }));

  await page.getByRole('heading', { name: 'First steps' }).waitFor();
  await picture(page, 'first-steps');
  clicks++;
  await page.locator('input[type=file]').setInputFiles(process.env.DOCUMENT);
  await page.locator('.upload').getByText('Ready', { exact: true }).waitFor();
  await click(page.getByRole('button', { name: 'Make the agent' }));
  await page.getByLabel('Write as a customer would').fill(process.env.QUESTION);
  await page.keyboard.press('Enter');
  await page.locator('.test-chat .line.agent', { hasText: process.env.ANSWER }).waitFor();
  await click(page.getByRole('button', { name: 'Open a web chat' }));
  const [chat] = await Promise.all([page.waitForEvent('popup'), click(page.getByRole('link', { name: 'Open the chat' }))]);
  await chat.locator('#text').fill(process.env.QUESTION);
  await chat.keyboard.press('Enter');
  await chat.locator('.line.agent', { hasText: process.env.ANSWER }).waitFor();
  console.log(`${clicks} clicks from the sign-in page to an answer from an uploaded document, ${Date.now() - begun} ms`);
  assert.ok(clicks <= 8, `${clicks} clicks`);
  // The last step is done by itself.
  await page.getByText('Conversations are in the').waitFor();

  // The session outlives a reload, and ends where it is ended.
  await page.reload();
  await page.locator('.shell').waitFor();
  // A copied tab throws its copy of the token away: used twice, it would end the session of both.
  const [copied] = await Promise.all([page.waitForEvent('popup'), page.evaluate(() => void window.open('/console'))]);
  await copied.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.reload();
  await page.locator('.shell').waitFor();
  await page.getByRole('button', { name: PERSON.name }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByLabel('E-mail').fill(PERSON.email);
  await page.getByLabel('Password').fill('another sentence of words');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();

  // Whoever stays signed in is so in all tabs, which take turns with the one token.
  await page.getByLabel('Password').fill(PERSON.password);
  await page.getByLabel('Stay signed in').check();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('.shell').waitFor();
  const other = await page.context().newPage();
  await other.goto('/console/agents');
  await other.locator('.shell').waitFor();
  for (let n = 0; n < 10; n++) {
    await Promise.all([page, other].map((tab) => tab.reload()));
    await Promise.all([page, other].map((tab) => tab.locator('.shell').waitFor()));
  }
});
