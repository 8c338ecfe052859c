// A team looks after itself: people and roles, keys, webhooks with their deliveries, money, how long things are kept, services,
// and the log of all that. And the figures of what happened, to look at and to take away.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const { api, assert, barriers, picture, register, run, signIn, view } = require('./browser.cjs');

/** Another system, which is told things: it refuses until `open`. */
function listener() {
  const heard = { open: false, ids: [] };
  const server = http.createServer((request, response) => {
    heard.ids.push(request.headers['webhook-id']);
    request.resume().on('end', () => response.writeHead(heard.open ? 200 : 410).end());
  });
  server.unref();
  return new Promise((ready) => {
    server.listen(0, 'localhost', () => ready({ heard, url: `http://localhost:${server.address().port}/hook` }));
  });
}

run(async (open) => {
  const token = await register();
  const { heard, url } = await listener();
  const page = await open({ acceptDownloads: true });
  await signIn(page, '/console/settings/people');
  const dialog = page.locator('dialog[open]');
  const saved = async (words) => {
    await page.getByText(words, { exact: true }).last().waitFor();
  };

  await page.getByRole('button', { name: 'Invite somebody' }).click();
  await dialog.getByLabel('Name').fill('Ben Okri');
  await dialog.getByLabel('E-mail').fill('ben@seaview.example');
  await dialog.getByLabel('Role').selectOption('operator');
  await dialog.getByRole('button', { name: 'Invite somebody' }).click();
  await page.getByLabel('Role of Ben Okri').selectOption('admin');
  await saved('Saved.');

  await view(page, '/console/settings/keys');
  await page.getByRole('button', { name: 'New key' }).first().click();
  await dialog.getByLabel('Name').fill('Website');
  await dialog.getByRole('button', { name: 'Create' }).click();
  const key = await dialog.getByLabel('API key', { exact: true }).textContent();
  await dialog.getByRole('button', { name: 'Done' }).click();
  const agent = await api('POST', '/api/agents', { name: 'Echo', model: { provider: 'scripted' }, gather_quiet_ms: 0 }, token);
  const channel = await api('POST', '/api/channels', { kind: 'webchat', name: 'Website', agent: agent.id }, token);

  await view(page, '/console/settings/webhooks');
  await page.getByRole('button', { name: 'New endpoint' }).first().click();
  await dialog.getByLabel('Address').fill(url);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('Copy the secret now').waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  // The key works; what it does is told, refused, seen, and told again with the same id.
  await api('POST', '/api/chat', { channel: channel.id, session: 'v', message: 'Hello' }, key);
  const tried = (d) => d.event_type === 'message.received' && d.attempts.length > 0;
  for (let all = []; !all.some(tried); ) all = (await api('GET', '/api/webhooks/deliveries', undefined, token)).deliveries;
  await view(page, '/console/settings/deliveries');
  const delivery = page.locator('.topic', { hasText: 'message.received' });
  await delivery.getByRole('button', { name: /message.received/ }).click();
  await delivery.locator('.attempts').getByText('410').first().waitFor();
  await picture(page, 'deliveries');
  heard.open = true;
  const before = heard.ids.length;
  await delivery.getByRole('button', { name: 'Send again' }).click();
  await saved('It is sent again.');
  while (heard.ids.length === before) await page.waitForTimeout(50);
  assert.ok(heard.ids.slice(0, before).includes(heard.ids[before]), 'the same id');
  await page.getByLabel('State').selectOption('delivered');
  await delivery.waitFor();

  await view(page, '/console/settings/keys');
  await page.locator('li', { hasText: 'Website' }).getByRole('button', { name: 'Revoke' }).click();
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await saved('The key opens nothing any more.');
  const refused = await fetch(`${process.env.COLLOQUY_URL}/api/chat`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: '{}' });
  assert.equal(refused.status, 401);

  await view(page, '/console/settings/limits');
  const budget = page.getByRole('region', { name: 'Budget' });
  await budget.getByLabel('A month (USD)').fill('-3');
  await budget.getByRole('button', { name: 'Save' }).click();
  await budget.locator('.field-error').waitFor();
  await budget.getByLabel('A month (USD)').fill('25');
  await budget.getByRole('button', { name: 'Save' }).click();
  await budget.getByText('$25.00 are left.').waitFor();
  const retention = page.getByRole('region', { name: 'Retention' });
  await retention.getByLabel('Messages (days)').fill('0');
  await retention.getByRole('button', { name: 'Save' }).click();
  await retention.locator('.field-error').waitFor();
  await retention.getByLabel('Messages (days)').fill('90');
  await retention.getByRole('button', { name: 'Save' }).click();
  await retention.locator('.field-error').waitFor({ state: 'detached' });
  // What comes and goes is not judged while it fades.
  const quiet = () => page.waitForFunction(() => !document.querySelector('.notice'));
  await quiet();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'limits');
  const kept = await api('GET', '/api/settings', undefined, token);
  assert.deepEqual(kept.retention, { messages: 90, conversations: null, events: null, audit: null, outreach: null, simulations: null, agentVersions: null });

  // A service of another house: entered once, masked from then on, tried.
  await view(page, '/console/settings/services');
  const stripe = page.getByRole('region', { name: 'Stripe' });
  await stripe.getByRole('button', { name: 'Save' }).click();
  await stripe.locator('.field-error').waitFor();
  await stripe.getByLabel('Secret key').fill('sk_test_1');
  await stripe.getByRole('button', { name: 'Save' }).click();
  await stripe.getByText('On', { exact: true }).waitFor();
  assert.equal(await stripe.getByLabel('Secret key').inputValue(), '***');
  const avatar = page.getByRole('region', { name: 'Avatar' });
  await avatar.getByLabel('Provider').selectOption('liveavatar');
  await avatar.getByLabel('Avatar id').fill('Anna');
  await avatar.getByLabel('Sessions at once').fill('1000');
  await avatar.getByLabel('API key').fill('key-1');
  await avatar.getByRole('button', { name: 'Save' }).click();
  await avatar.locator('.field-error').getByText('from 1 to 100').waitFor();
  await avatar.getByLabel('Sessions at once').fill('2');
  await avatar.getByRole('button', { name: 'Save' }).click();
  await avatar.getByText('On', { exact: true }).waitFor();
  assert.equal(await avatar.getByLabel('API key').inputValue(), '***');
  assert.equal(await avatar.getByLabel('Provider').inputValue(), 'liveavatar');
  await quiet();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'services');

  await view(page, '/console/settings/audit');
  for (const act of ['retention.changed', 'budget.changed', 'integration.changed']) await page.locator('code', { hasText: act }).first().waitFor();

  await view(page, '/console/analytics');
  await page.locator('.figure', { hasText: 'Conversations' }).getByText('1', { exact: true }).waitFor();
  await page.getByRole('region', { name: 'Messages by day' }).locator('rect.series-0').last().waitFor();
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export' }).click()]);
  const lines = fs.readFileSync(await file.path(), 'utf8').trim().split(/\r?\n/);
  assert.ok(lines.length > 1 && lines[0].includes(','), lines[0]);
});
