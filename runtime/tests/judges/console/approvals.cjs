// A tool call waits for a person: its thread shows what is asked and why; one is approved, another denied with a reason.
'use strict';

const { api, assert, barriers, picture, register, run, signIn } = require('./browser.cjs');

const pay = (to) => `<<${JSON.stringify({ name: 'bank__pay', arguments: { to } })}>>`;

run(async (open) => {
  const token = await register();
  const own = (method, to, body) => api(method, to, body, token);
  const bank = await own('POST', '/api/tool-servers', { name: 'bank', url: process.env.BANK });
  await own('POST', `/api/tool-servers/${bank.id}/refresh`, {});
  const model = { provider: 'openai' };
  const agent = await own('POST', '/api/agents', { name: 'Teller', model, tools: ['bank__pay'], approvals: 'tainted', gather_quiet_ms: 0 });

  // The policy is the agent's.
  const desk = await open();
  await signIn(desk, `/console/agents/${agent.id}`);
  await desk.getByLabel('Tools that cannot be undone').selectOption('unsafe');
  await desk.getByRole('button', { name: 'Save' }).click();
  await desk.getByText('Saved.').waitFor();

  const say = (message) => own('POST', '/api/chat', { agent: 'Teller', session: 'visitor', message });
  await say(pay('FR76'));
  await desk.goto('/console/inbox');
  await desk.locator('.conversation').first().click();
  const asked = desk.locator('.approval');
  await asked.getByText('FR76').waitFor();
  await asked.getByText('asks before every tool').waitFor();
  assert.deepEqual(await barriers(desk), []);
  await picture(desk, 'approval');

  // Approved: it goes away by itself, and the answer comes.
  await asked.getByRole('button', { name: 'Approve' }).click();
  await desk.locator('.line.agent', { hasText: 'paid to FR76' }).waitFor();
  await asked.waitFor({ state: 'detached' });

  // Denied with a reason, which the agent passes on; the request came while one looked.
  await say(pay('DE89'));
  await asked.getByText('DE89').waitFor();
  await asked.getByRole('button', { name: 'Deny' }).click();
  await asked.getByLabel('Reason').fill('Not this month');
  await asked.getByRole('button', { name: 'Deny' }).click();
  await desk.locator('.line.agent', { hasText: 'Not this month' }).waitFor();
  await asked.waitFor({ state: 'detached' });
});
