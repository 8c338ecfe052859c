// A team gives an agent a template to fall back on, and sees in the thread what became of an answer that came too late.
'use strict';

const crypto = require('node:crypto');
const { api, assert, barriers, picture, register, run, signIn, view } = require('./browser.cjs');

const PEER = '33612345678';
const SETTINGS = JSON.parse(process.env.SETTINGS);
const components = [{ type: 'BODY', text: 'Hello {{1}}, we have an answer for you.', example: { body_text: [['Ada']] } }];

/** As Meta delivers it. */
async function writes(channel, id, words) {
  const message = { from: PEER, id, timestamp: '1790000000', type: 'text', text: { body: words } };
  const contacts = [{ wa_id: PEER, profile: { name: 'Zoe Martin' } }];
  const metadata = { display_phone_number: '15550783881', phone_number_id: SETTINGS.phone_number_id };
  const value = { messaging_product: 'whatsapp', metadata, contacts, messages: [message] };
  const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: SETTINGS.business_account_id, changes: [{ field: 'messages', value }] }] });
  const signature = crypto.createHmac('sha256', SETTINGS.app_secret).update(body).digest('hex');
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` };
  const answer = await fetch(`${process.env.COLLOQUY_URL}/webhooks/${channel}`, { method: 'POST', headers, body });
  assert.equal(answer.status, 200);
}

run(async (open) => {
  const token = await register();
  const agent = await api('POST', '/api/agents', { name: 'Echo', model: { provider: 'scripted' }, gather_quiet_ms: 0 }, token);
  const channel = await api('POST', '/api/channels', { kind: 'whatsapp', agent: agent.id, settings: SETTINGS }, token);
  await api('POST', '/api/templates', { channelId: channel.id, name: 'answer', category: 'UTILITY', language: 'en', components }, token);
  for (let status = 'PENDING'; status !== 'APPROVED'; ) {
    await api('POST', '/api/templates/sync', { channelId: channel.id }, token);
    [{ status }] = (await api('GET', '/api/templates', undefined, token)).templates;
  }

  const desk = await open();
  await signIn(desk, `/console/agents/${agent.id}`);
  const which = desk.getByLabel('When its answer comes after the 24 hours, send the template');
  await which.selectOption('answer');
  const gap = desk.getByLabel('{{1}}');
  await gap.fill('{{nmae}}');
  await desk.getByRole('button', { name: 'Save' }).click();
  await desk.locator('.field-error', { hasText: 'nmae' }).waitFor();
  assert.equal(await gap.getAttribute('aria-invalid'), 'true');
  await gap.fill('{{name|there}}');
  await desk.getByRole('button', { name: 'Save' }).click();
  await desk.getByText('Saved.').waitFor();
  await which.scrollIntoViewIfNeeded();
  assert.deepEqual(await barriers(desk), []);
  await picture(desk, 'fallback-agent');

  // The provider lets nothing more through but templates.
  await writes(channel.id, 'wamid.1', 'Is it ready?');
  await view(desk, '/console/inbox');
  await desk.locator('.conversation', { hasText: 'Zoe Martin' }).click();
  const waits = desk.getByText('Sent as a template; the answer waits for the person to write');
  await waits.waitFor();
  await desk.getByText('Template “answer”, sent in the place of an answer').waitFor();
  await desk.locator('.line.agent', { hasText: 'Hello Zoe Martin, we have an answer for you.' }).waitFor();
  assert.deepEqual(await barriers(desk), []);
  await picture(desk, 'fallback-thread');

  // They write, and nothing waits any more.
  await writes(channel.id, 'wamid.2', 'I am here');
  await desk.locator('.line.agent', { hasText: 'I am here' }).waitFor();
  await waits.waitFor({ state: 'detached' });
});
