// An agent is changed: the change is tried on what people asked, put into effect, seen among the versions, and taken back.
'use strict';

const { api, assert, barriers, picture, register, run, signIn } = require('./browser.cjs');

const ASKED = 'How long is the warranty of a kettle?';

run(async (open) => {
  const token = await register();
  const own = (method, to, body) => api(method, to, body, token);
  const agent = await own('POST', '/api/agents', { name: 'Shop', instructions: 'Be kind.', gather_quiet_ms: 0, model: { provider: 'scripted' } });
  await own('POST', '/api/chat', { agent: 'Shop', session: 'visitor', message: ASKED });

  const desk = await open();
  await signIn(desk, `/console/agents/${agent.id}`);
  await desk.getByLabel('Instructions').fill('Be brief.');
  await desk.getByRole('button', { name: 'Try on past questions' }).click();
  await desk.getByText('Real questions asked again: 1').waitFor();
  const changes = desk.locator('.before-after').first();
  assert.match(await changes.innerText(), /Be kind\.[^]*Be brief\./);
  await desk.getByRole('button', { name: 'Show all' }).click();
  await desk.getByRole('heading', { name: ASKED }).waitFor();
  assert.deepEqual(await barriers(desk), []);
  await picture(desk, 'agent-draft');
  await desk.getByRole('button', { name: 'Put into effect' }).click();
  await desk.getByText('In effect').first().waitFor();
  assert.equal((await own('GET', `/api/agents/${agent.id}`)).instructions, 'Be brief.');

  // Its versions, with what was changed; the way back is a version as well.
  await desk.getByRole('link', { name: 'Versions' }).first().click();
  const versions = desk.locator('.version');
  await versions.filter({ hasText: 'Version 2' }).getByText('In effect').waitFor();
  await versions.filter({ hasText: 'Version 2' }).locator('summary').click();
  await versions.getByText('Be brief.').waitFor();
  await versions.filter({ hasText: 'Version 1' }).locator('summary').click();
  assert.deepEqual(await barriers(desk), []);
  await picture(desk, 'agent-versions');
  await versions.getByRole('button', { name: 'Take back to this one' }).click();
  await desk.getByRole('dialog').getByRole('button', { name: 'Take back to this one' }).click();
  await versions.filter({ hasText: 'Version 3' }).getByText('As version 1').waitFor();
  assert.equal((await own('GET', `/api/agents/${agent.id}`)).instructions, 'Be kind.');
});
