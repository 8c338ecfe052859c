// Somebody of the team writes to a person whom the window is closed for: words are refused, a template goes out.
'use strict';

const { api, assert, barriers, picture, register, run, signIn, view } = require('./browser.cjs');

const PEER = '33612345678';
const BODY = 'Hello {{1}}, your {{2}} is ready.';
const components = [
  { type: 'HEADER', format: 'TEXT', text: 'Order {{1}}', example: { header_text: ['7'] } },
  { type: 'BODY', text: BODY, example: { body_text: [['Ada', 'tea']] } },
  { type: 'BUTTONS', buttons: [{ type: 'URL', text: 'Track', url: 'https://x.example/{{1}}', example: ['https://x.example/7'] }] },
];

run(async (open) => {
  const token = await register();
  const agent = await api('POST', '/api/agents', { name: 'Echo', model: { provider: 'scripted' } }, token);
  const channel = await api('POST', '/api/channels', { kind: 'whatsapp', agent: agent.id, settings: JSON.parse(process.env.SETTINGS) }, token);
  await api('POST', '/api/templates', { channelId: channel.id, name: 'order_ready', category: 'UTILITY', language: 'en', components }, token);
  await api('POST', '/api/templates', { channelId: channel.id, name: 'still_pending', category: 'UTILITY', language: 'en', components }, token);
  for (let status = 'PENDING'; status !== 'APPROVED'; ) {
    await api('POST', '/api/templates/sync', { channelId: channel.id }, token);
    const { templates } = await api('GET', '/api/templates', undefined, token);
    status = templates.find((one) => one.name === 'order_ready').status;
  }
  const content = { name: 'order_ready', parameters: { header: ['1'], body: ['Ada', 'cup'], buttons: ['1'] } };
  await api('POST', '/api/messages', { to: `+${PEER}`, type: 'template', content }, token);
  const { conversations } = await api('GET', '/api/conversations', undefined, token);

  const desk = await open();
  await signIn(desk, `/console/inbox/${conversations[0].id}`);
  const composer = desk.locator('.composer');
  await composer.locator('textarea').fill('Are you there?');
  await composer.getByRole('button', { name: 'Send' }).click();
  await composer.getByRole('alert').getByRole('button', { name: 'Choose a template' }).click();
  const which = composer.getByLabel('Template', { exact: true });
  await which.waitFor();
  // Only what the provider approved.
  assert.deepEqual(await which.locator('option').allTextContents(), ['Choose a template', 'order_ready · en']);
  await which.selectOption({ label: 'order_ready · en' });
  await composer.getByLabel('Heading').fill('7');
  await composer.getByLabel('{{1}}').fill('Ada');
  await composer.getByLabel('{{2}}').fill('tea');
  const link = composer.getByLabel('End of the address behind “Track”');
  await composer.getByRole('button', { name: 'Send the template' }).click();
  await composer.locator('.field-error').waitFor();
  assert.equal(await link.getAttribute('aria-invalid'), 'true');
  await link.fill('7');
  await composer.locator('.template-preview', { hasText: 'Hello Ada, your tea is ready.' }).waitFor();
  assert.deepEqual(await barriers(desk), []);
  await picture(desk, 'template-desk');
  await composer.getByRole('button', { name: 'Send the template' }).click();
  await desk.locator('.line.operator', { hasText: 'your tea is ready' }).waitFor();
  // The words that could not be sent are still there.
  assert.equal(await composer.locator('textarea').inputValue(), 'Are you there?');

  const phone = await open({ viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'fr-FR' });
  await signIn(phone, `/console/inbox/${conversations[0].id}`);
  await phone.locator('.composer-tabs').getByRole('button', { name: 'Modèle' }).click();
  await phone.locator('.template-form select').selectOption({ index: 1 });
  await phone.getByLabel('{{2}}').waitFor();
  assert.deepEqual(await barriers(phone), []);
  await picture(phone, 'template-phone');
  await view(phone, '/console/inbox');
});
