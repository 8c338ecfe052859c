// A template to everybody who agreed, and to nobody else: drafted, started, watched to its end. The agent says what it is.
'use strict';

const { api, assert, barriers, picture, register, run, signIn, view } = require('./browser.cjs');

const components = [{ type: 'BODY', text: 'Hello {{1}}, the pool is open again.', example: { body_text: [['Ada']] } }];

run(async (open) => {
  const token = await register();
  const own = (method, to, body) => api(method, to, body, token);
  const agent = await own('POST', '/api/agents', { name: 'Echo', model: { provider: 'scripted' }, gather_quiet_ms: 0 });
  const channel = await own('POST', '/api/channels', { kind: 'whatsapp', name: 'Number', agent: agent.id, settings: JSON.parse(process.env.SETTINGS) });
  await own('POST', '/api/templates', { channelId: channel.id, name: 'pool_open', category: 'MARKETING', language: 'en', components });
  for (let status = 'PENDING'; status !== 'APPROVED'; ) {
    await own('POST', '/api/templates/sync', { channelId: channel.id });
    status = (await own('GET', '/api/templates')).templates[0].status;
  }
  for (const [name, phoneNumber] of [['Ada', '+33612345678'], ['Zoé', '+33612345679'], ['Max', '+33612345670']]) {
    const { id } = await own('POST', '/api/contacts', { name, phoneNumber });
    if (name !== 'Max') await own('POST', `/api/contacts/${id}/consents`, { purpose: 'marketing', channel: 'whatsapp', source: 'the form at the till' });
  }

  const desk = await open();
  await signIn(desk, '/console/broadcasts');
  const dialog = desk.locator('dialog[open]');
  await desk.getByRole('button', { name: 'New broadcast' }).click();
  await dialog.getByLabel('Template').selectOption({ label: 'pool_open · en' });
  await dialog.getByLabel('What fills the gaps').fill('{{name|friend}}');
  assert.deepEqual(await barriers(desk), []);
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.locator('.field-error').waitFor();
  await dialog.getByLabel('Name').fill('Pool');
  await dialog.getByRole('button', { name: 'Create' }).click();
  const row = desk.locator('li', { hasText: 'Pool' });
  await row.getByText('draft').waitFor();
  await row.getByRole('button', { name: 'Start' }).click();
  await dialog.getByRole('button', { name: 'Start' }).click();
  await row.getByText('2 sent').waitFor();
  await row.getByText('done', { exact: true }).waitFor();
  await picture(desk, 'broadcast');

  // Whoever writes to the agent is told once that it is no person.
  await view(desk, `/console/agents/${agent.id}`);
  await desk.getByLabel('Say that it is an AI before its first reply').check();
  await desk.getByLabel('In English').fill('I am the hotel’s assistant, a computer.');
  await desk.getByRole('button', { name: 'Save' }).click();
  await desk.getByText('Saved.').waitFor();
  const say = (message) => own('POST', '/api/chat', { agent: 'Echo', session: 'visitor', message });
  assert.match((await say('Hello')).reply.text, /a computer/);
  assert.doesNotMatch((await say('Hello again')).reply.text, /a computer/);
});
