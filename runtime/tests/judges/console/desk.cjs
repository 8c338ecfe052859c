// At the desk: a picture that a visitor sent is seen, words of the team keep their form, another agent gets the conversation,
// filters and search find it again, and all of it goes by keys.
'use strict';

const { api, assert, barriers, picture, register, run, signIn } = require('./browser.cjs');

/** A red dot. */
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==', 'base64');

async function file(channel, session, name, content) {
  const form = new FormData();
  for (const [field, value] of Object.entries({ channel, session, message: 'Look at this' })) form.append(field, value);
  form.append('file', new Blob([content]), name);
  const sent = await fetch(`${process.env.COLLOQUY_URL}/api/chat/files`, { method: 'POST', body: form });
  assert.ok(sent.ok, await sent.text());
}

run(async (open) => {
  const token = await register();
  const own = (method, to, body) => api(method, to, body, token);
  const agent = (name) => own('POST', '/api/agents', { name, model: { provider: 'scripted' }, gather_quiet_ms: 0 });
  const [day] = [await agent('Day desk'), await agent('Night desk')];
  const channel = await own('POST', '/api/channels', { kind: 'webchat', name: 'Website', agent: day.id, settings: { public: 'true', files: 'true' } });
  const say = (session, message) => own('POST', '/api/chat', { channel: channel.id, session, message });
  await say('first-visitor', 'Good morning');
  await say('second-visitor', 'Good evening');
  await file(channel.id, 'second-visitor-00000000', 'dot.png', PNG);

  const desk = await open({ acceptDownloads: true });
  await signIn(desk, '/console/inbox');
  await desk.locator('.conversation').nth(2).waitFor();
  await desk.keyboard.press('/');
  await desk.keyboard.type('second-visitor-0');
  await desk.locator('.conversations-head').getByText('1', { exact: true }).waitFor();
  await desk.keyboard.press('Escape');
  await desk.locator('.conversation').click();

  // Drawn here, kept by who wants it.
  const shown = desk.locator('.line.person img.picture');
  await shown.waitFor();
  assert.equal(await shown.evaluate(async (img) => (await img.decode(), img.naturalWidth)), 5);
  const [saved] = await Promise.all([desk.waitForEvent('download'), desk.locator('.attachment').getByRole('button', { name: 'Save' }).click()]);
  assert.equal(saved.suggestedFilename(), 'dot.png');

  await desk.locator('.composer textarea').fill('It is **red**, see `dot.png`.');
  await desk.keyboard.press('Enter');
  const said = desk.locator('.line.operator');
  await said.locator('strong', { hasText: 'red' }).waitFor();
  await said.locator('code', { hasText: 'dot.png' }).waitFor();
  await desk.keyboard.press('Escape');

  // Given to another agent, which answers from now on.
  await desk.getByRole('button', { name: 'Details' }).click();
  const details = desk.locator('.details');
  await details.getByLabel('Agent').selectOption({ label: 'Night desk' });
  await desk.getByText('This agent has it now.').waitFor();
  assert.deepEqual(await barriers(desk), []);
  await picture(desk, 'desk');
  const { conversations } = await own('GET', '/api/conversations?search=second-visitor-0');
  assert.equal(conversations[0].agent_name, 'Night desk');
  await details.getByLabel('Agent').selectOption({ label: 'The channel’s own agent' });
  await details.getByLabel('Agent').locator('option:checked', { hasText: 'Day desk' }).waitFor({ state: 'attached' });

  // Whom it is given to finds it among their own.
  await details.getByLabel('Assigned to').selectOption({ label: 'Ann Lee (you)' });
  await desk.getByText('Assigned.').waitFor();
  await desk.getByRole('searchbox').fill('');
  await desk.locator('.filters').getByLabel('Assigned to').selectOption('me');
  await desk.locator('.conversations-head').getByText('1', { exact: true }).waitFor();
  await desk.locator('.lines').focus();
  await desk.keyboard.press('?');
  await desk.locator('dialog[open]').getByText('Next conversation').waitFor();
  await desk.keyboard.press('Escape');
});
