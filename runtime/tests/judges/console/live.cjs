// Before a server that tells what happens: events change the view at once, and nobody asks every few seconds.
'use strict';

const { api, assert, register, run, signIn } = require('./browser.cjs');

run(async (open) => {
  const token = await register();
  const agent = await api('POST', '/api/agents', { name: 'Echo', model: { provider: 'scripted' }, gather_quiet_ms: 0 }, token);
  const channel = await api('POST', '/api/channels', { kind: 'webchat', name: 'Website', agent: agent.id }, token);
  const say = (message) => api('POST', '/api/chat', { channel: channel.id, session: 'v', message }, token);
  await say('First words');
  const [conversation] = (await api('GET', '/api/conversations', undefined, token)).conversations;

  const page = await open();
  // The stream as the server writes it; held back until the test wants it to come.
  let tell;
  const asked = [];
  await page.route('**/api/events*', async (route) => {
    asked.push(route.request());
    if (asked.length > 1) await new Promise((resolve) => (tell = resolve));
    const data = { eventId: `e${asked.length}`, eventType: 'message:new', timestamp: new Date().toISOString(), data: { conversationId: conversation.id } };
    const body = `: hello\n\nid: e${asked.length}\nevent: message:new\ndata: ${JSON.stringify(data)}\n\n`;
    await route.fulfill({ status: 200, headers: { 'content-type': 'text/event-stream' }, body }).catch(() => {});
  });
  const again = page.waitForRequest((r) => r.url().includes('lastEventId=e1'));
  await signIn(page, `/console/inbox/${conversation.id}`);
  await page.locator('.line.agent', { hasText: 'First words' }).waitFor();
  // The token is in a header, never in an address; a lost stream is asked for again from where it ended.
  await again;
  assert.match(asked[0].headers().authorization, /^Bearer /);
  assert.doesNotMatch(asked[0].url(), /token|Bearer|eyJ/);
  // Longer than a look would be away: the console asks for nothing by itself.
  const looks = () => page.waitForRequest((r) => r.url().includes('/api/conversations'), { timeout: 6_000 }).catch(() => null);
  for (let n = 0; await looks(); n++) assert.ok(n < 5, 'it goes on looking');
  await say('Second words');
  assert.equal(await page.locator('.line.agent', { hasText: 'Second words' }).count(), 0);
  tell();
  await page.locator('.line.agent', { hasText: 'Second words' }).waitFor();
});
