// The server dies and comes back while two people look: a visitor in one browser, somebody of the team in another. Nobody
// reloads, nothing is lost, nothing is there twice.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { api, assert, barriers, picture, register, run, signIn } = require('./browser.cjs');

/** Asks whoever keeps the server; resolves when it was done. */
async function ask(what) {
  const file = path.join(process.env.FOLDER, what);
  fs.writeFileSync(file, '');
  while (fs.existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 50));
}

run(async (open) => {
  const token = await register();
  const agent = await api('POST', '/api/agents', { name: 'Echo', model: { provider: 'scripted' }, gather_quiet_ms: 0 }, token);
  const channel = await api('POST', '/api/channels', { kind: 'webchat', name: 'Website', agent: agent.id, settings: { public: 'true' } }, token);
  const desk = await open();
  await signIn(desk, '/console/inbox');
  const visitor = await open();
  await visitor.goto(`/chat/${channel.id}`);
  const say = async (words) => {
    await visitor.locator('#text').fill(words);
    await visitor.keyboard.press('Enter');
  };
  await say('Before it dies');
  await visitor.locator('.line.agent', { hasText: 'Before it dies' }).waitFor();
  await desk.locator('.conversation').click();
  await desk.locator('.line.agent', { hasText: 'Before it dies' }).waitFor();

  await ask('kill');
  await desk.locator('.banner.offline').waitFor();
  // A reply that is written meanwhile stays in its field.
  await desk.locator('.composer textarea').fill('Ann here, one moment.');
  await desk.keyboard.press('Enter');
  await desk.locator('.notice.bad').waitFor();
  assert.equal(await desk.locator('.composer textarea').inputValue(), 'Ann here, one moment.');
  await say('While it is away');
  await visitor.getByText('Not sent yet. Trying again…').waitFor();

  await ask('start');
  await desk.locator('.banner.offline').waitFor({ state: 'detached' });
  await say('When it is back');
  await visitor.locator('.line.agent', { hasText: 'When it is back' }).waitFor();
  await desk.locator('.line.agent', { hasText: 'When it is back' }).waitFor();
  await desk.locator('.composer textarea').focus();
  await desk.keyboard.press('Enter');
  await desk.locator('.line.operator', { hasText: 'one moment' }).waitFor();
  await visitor.locator('.line.operator', { hasText: 'one moment' }).waitFor();
  await desk.locator('.line.agent', { hasText: 'While it is away' }).waitFor();
  assert.deepEqual(await barriers(visitor), []);
  await picture(visitor, 'restart-visitor');
  for (const words of ['Before it dies', 'While it is away', 'When it is back', 'one moment']) {
    assert.equal(await desk.locator('.line:not(.agent)', { hasText: words }).count(), 1, words);
  }
});
