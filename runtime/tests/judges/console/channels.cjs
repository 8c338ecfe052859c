// A channel is connected step by step, tested, and its health is seen: what the provider turns away and what it says.
'use strict';

const { api, assert, barriers, picture, register, run, signIn, view } = require('./browser.cjs');

const KINDS = ['Web chat', 'Telegram', 'WhatsApp', 'Messenger', 'Instagram', 'SMS (Twilio)', 'WhatsApp (Twilio)', 'LINE', 'Telephone'];

run(async (open) => {
  const token = await register();
  const given = JSON.parse(process.env.SETTINGS);
  await api('POST', '/api/agents', { name: 'Echo', model: { provider: 'scripted' } }, token);
  const page = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
  await signIn(page, '/console/channels');
  const dialog = page.locator('dialog[open]');
  const connect = async (kind) => {
    await page.getByRole('button', { name: 'Connect a channel' }).first().click();
    await dialog.locator('.kinds strong').getByText(kind, { exact: true }).click();
  };

  // Each kind that this program speaks can be connected here, and says at its fields what is wrong.
  await page.getByRole('button', { name: 'Connect a channel' }).first().click();
  assert.deepEqual(await dialog.locator('.kinds strong').allTextContents(), KINDS);
  await page.keyboard.press('Escape');
  for (const kind of KINDS.slice(1)) {
    await connect(kind);
    assert.deepEqual(await barriers(page), [], kind);
    await dialog.getByRole('button', { name: 'Connect', exact: true }).click();
    await dialog.locator('.field-error').first().waitFor();
    await picture(page, `connect-${kind}`);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  }

  await connect('WhatsApp');
  await dialog.getByLabel('Phone number id').fill(given.phone_number_id);
  await dialog.getByLabel('Access token').fill('a wrong one');
  await dialog.getByLabel('App secret').fill(given.app_secret);
  await dialog.getByText('A server of your own').click();
  await dialog.getByLabel('Address of the API').fill(given.api_base);
  await dialog.getByRole('button', { name: 'Connect', exact: true }).click();
  await dialog.getByText('Enter these on the provider’s page for webhooks:').waitFor();
  // The address to copy, and a word that was made up for both sides.
  await dialog.getByRole('button', { name: 'Copy: Webhook address' }).click();
  const address = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(address, /\/webhooks\//);
  const word = await dialog.getByLabel('Verify token', { exact: true }).textContent();
  const challenge = await fetch(`${address}?${new URLSearchParams({ 'hub.mode': 'subscribe', 'hub.verify_token': word, 'hub.challenge': '42' })}`);
  assert.equal(await challenge.text(), '42');
  // The test says what the provider says.
  await dialog.getByRole('button', { name: 'Test the connection' }).click();
  await dialog.locator('.banner.bad').waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  const { channels } = await api('GET', '/api/channels', undefined, token);
  await api('PATCH', `/api/channels/${channels[0].id}`, { settings: { access_token: given.access_token } }, token);
  await view(page, '/console/inbox');
  await view(page, '/console/channels');
  const card = page.locator('.channel', { hasText: 'WhatsApp' });
  await card.getByRole('button', { name: 'Test the connection' }).click();
  await card.locator('.banner.good').waitFor();

  // Somebody calls the webhook without the secret: the team sees it.
  for (let n = 0; n < 3; n++) {
    const refused = await fetch(address, { method: 'POST', headers: { 'x-hub-signature-256': 'sha256=00' }, body: '{}' });
    assert.equal(refused.status, 401);
  }
  await view(page, '/console/inbox');
  await view(page, '/console/channels');
  // Not each one at once: somebody who floods the address would have it written each time.
  await card.getByText(/to the webhook w(as|ere) turned away/).waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'channel-health');
  await card.getByRole('button', { name: 'Switch off' }).click();
  await card.getByText('Off', { exact: true }).waitFor();
});
