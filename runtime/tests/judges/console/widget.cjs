// The widget on a page of somebody else's, with a style and a policy of its own: a visitor chats, reloads, is answered by a
// person, writes when there is no connection; in dark, on a phone, in French, from right to left.
'use strict';

const http = require('node:http');
const { api, assert, barriers, picture, register, run } = require('./browser.cjs');

const SERVER = process.env.COLLOQUY_URL;
const SHOP = process.env.SHOP;
/** What would break a widget that is not by itself. */
const HOSTILE = '* { color: #003300 !important; font: 9px serif !important; } button, form, p { display: none !important; } div { position: static; float: left; }';
const POLICY = `default-src 'none'; style-src 'self'; script-src ${SERVER}; connect-src ${SERVER} ${SERVER.replace('http', 'ws')}`;

/** The page of a shop: `/?` and the attributes of the script. */
function shop() {
  const server = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, SHOP);
    if (pathname === '/shop.css') return response.writeHead(200, { 'content-type': 'text/css' }).end(HOSTILE);
    const about = Object.fromEntries(searchParams), { lang = 'en', dir = 'ltr', ...data } = about;
    const attributes = Object.entries(data).map(([name, value]) => `data-${name}="${value}"`).join(' ');
    response.writeHead(200, { 'content-type': 'text/html', 'content-security-policy': POLICY });
    return response.end(`<!doctype html><html lang="${lang}" dir="${dir}"><title>Kettles</title><meta name="viewport" content="width=device-width">
      <link rel="stylesheet" href="/shop.css"><main><h1>Kettles</h1></main><script src="${SERVER}/widget.js" ${attributes} async></script></html>`);
  });
  server.unref();
  return new Promise((ready) => { server.listen(Number(new URL(SHOP).port), ready); });
}

const at = (about) => `${SHOP}/?${new URLSearchParams(about)}`;

/** Says something, as people do. */
async function say(page, words) {
  await page.getByRole('textbox').fill(words);
  await page.keyboard.press('Enter');
}

/** What comes or goes is not as readable as what stays: it is judged when it has come. */
const still = (page) =>
  page.waitForFunction(() => {
    const roots = [document, ...[...document.querySelectorAll('*')].map((e) => e.shadowRoot).filter(Boolean)];
    const ends = (a) => a.effect.getComputedTiming().iterations !== Infinity;
    return !roots.flatMap((root) => root.getAnimations()).some((a) => a.playState === 'running' && ends(a));
  });

async function judge(page, name) {
  await still(page);
  assert.deepEqual(await barriers(page), [], name);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 1, `${name} is ${wide} pixels too wide`);
  await picture(page, `widget-${name}`);
}

const line = (page, who, words) => page.locator(`.line.${who}`, { hasText: words });

run(async (open) => {
  await shop();
  const token = await register();
  const own = (method, to, body) => api(method, to, body, token);
  const agent = await own('POST', '/api/agents', { name: 'Echo', model: { provider: 'scripted' }, gather_quiet_ms: 0 });
  const channel = (await own('POST', '/api/channels', { kind: 'webchat', name: 'Shop', agent: agent.id, settings: { public: 'true', files: 'true' } })).id;
  const about = { channel, title: 'Kettle help', color: '#00aa66' };

  // With the keyboard alone.
  const page = await open();
  const sockets = [];
  page.on('websocket', (socket) => sockets.push(socket.url()));
  await page.goto(at(about));
  const launcher = page.getByRole('button', { name: 'Open chat' });
  await launcher.waitFor();
  await judge(page, 'closed');
  await launcher.focus();
  await page.keyboard.press('Enter');
  const panel = page.getByRole('dialog', { name: 'Kettle help' });
  await panel.waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.shadowRoot.activeElement.tagName), 'TEXTAREA');
  await page.evaluate(() => Colloquy.identify({ name: 'Zoe' }));
  await say(page, 'Is there a <b>red</b> kettle?');
  await line(page, 'agent', '<b>red</b> kettle').waitFor();
  assert.equal(await page.locator('.line b').count(), 0, 'what people write is never markup');
  await judge(page, 'answered');
  await page.keyboard.press('Escape');
  await panel.waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate(() => document.activeElement.shadowRoot.activeElement.className), 'launcher');
  assert.ok(sockets.some((url) => url.includes('/socket.io/')), 'live over a socket');

  // The team takes over while the chat is closed: it is told at once, and the visitor sees how many.
  const [conversation] = (await own('GET', '/api/conversations')).conversations;
  assert.equal((await own('GET', `/api/conversations/${conversation.id}`)).name, 'Zoe');
  await own('PATCH', `/api/conversations/${conversation.id}`, { mode: 'operator' });
  await own('POST', `/api/conversations/${conversation.id}/notes`, { text: 'A secret of the team.' });
  const words = '**Ann** here: [red ones](https://kettles.example/red), and [no](javascript:alert(1)).\n- one\n- two';
  await own('POST', `/api/conversations/${conversation.id}/messages`, { text: words });
  await page.getByRole('button', { name: 'Open chat, 1 new message' }).click();
  await page.getByText('A person of the team answers now.').first().waitFor();
  await line(page, 'operator', 'Ann here').waitFor();
  const links = await page.locator('.operator a').evaluateAll((all) => all.map((a) => [a.href, a.rel]));
  assert.deepEqual(links, [['https://kettles.example/red', 'noopener noreferrer nofollow']]);
  assert.equal(await page.locator('.operator li').count(), 2);
  assert.ok(!(await panel.textContent()).includes('secret of the team'));
  await say(page, 'Thank you!');
  await line(page, 'person', 'Thank you!').waitFor();
  await judge(page, 'person-answers');

  // After a reload everything is there once, in order, and still open.
  await page.reload();
  await line(page, 'person', 'Thank you!').waitFor();
  assert.deepEqual(await page.locator('.line').evaluateAll((all) => all.map((l) => l.className.split(' ')[1])), ['person', 'agent', 'operator', 'person']);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'BODY', 'a page that is opened keeps its focus');
  await own('PATCH', `/api/conversations/${conversation.id}`, { mode: 'agent' });
  await page.getByText('The assistant answers again.').waitFor();

  // Without a connection a message waits, is said when there is one again, and once.
  await page.context().setOffline(true);
  await say(page, 'Do you gift-wrap?');
  await page.getByText('Not sent yet. Trying again…').waitFor();
  await page.getByText('Not connected. Trying again…').waitFor();
  await judge(page, 'offline');
  await page.context().setOffline(false);
  await line(page, 'agent', 'gift-wrap').waitFor();
  await page.getByText('Not sent yet.').waitFor({ state: 'detached' });
  await page.getByText('Not connected.').waitFor({ state: 'detached' });
  const { messages } = await own('GET', `/api/conversations/${conversation.id}/messages`);
  assert.equal(messages.filter((m) => m.speaker === 'person' && m.text === 'Do you gift-wrap?').length, 1);

  // What the answer to was lost is sent again by the next page, and is still said once.
  await page.route('**/api/chat', async (route) => { await route.fetch().catch(() => {}); await route.abort('internetdisconnected'); });
  await say(page, 'And engrave?');
  await page.getByText('Not sent yet.').or(line(page, 'agent', 'engrave')).first().waitFor();
  await page.unroute('**/api/chat');
  await page.reload();
  await line(page, 'agent', 'engrave').waitFor();
  assert.equal(await line(page, 'person', 'And engrave?').count(), 1);

  // Where sockets are not let through, server-sent events take their place; where those are not either, it asks.
  for (const [name, closed] of [['events', ['WebSocket']], ['asking', ['WebSocket', 'EventSource']]]) {
    const other = await open();
    await other.addInitScript((names) => names.forEach((n) => { window[n] = class { constructor() { setTimeout(() => { this.onerror?.(); this.onclose?.(); }); } addEventListener() {} close() {} }; }), closed);
    await other.goto(at(about));
    await other.getByRole('button', { name: 'Open chat' }).click();
    await say(other, `By ${name}`);
    await line(other, 'agent', `By ${name}`).waitFor();
    const [theirs] = (await own('GET', '/api/conversations')).conversations;
    await own('POST', `/api/conversations/${theirs.id}/messages`, { text: `Ann by ${name}` });
    await line(other, 'operator', `Ann by ${name}`).waitFor();
    assert.equal(await other.locator('.line').count(), 3);
  }

  // A file reaches the team.
  await page.locator('input[type=file]').setInputFiles({ name: 'kettle.png', mimeType: 'image/png', buffer: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64') });
  await line(page, 'person', 'kettle.png').waitFor();
  await page.locator('input[type=file]').setInputFiles({ name: 'kettle.exe', mimeType: 'application/x-msdownload', buffer: Buffer.from('MZ') });
  await page.locator('.fate', { hasText: 'Not sent:' }).waitFor();
  await page.reload();
  await line(page, 'person', 'kettle.png').waitFor();

  for (const [name, options, more] of [
    ['dark', { colorScheme: 'dark' }, {}],
    ['phone', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }, {}],
    ['french', { locale: 'fr-FR' }, { lang: 'fr', title: 'Aide bouilloires' }],
    ['right-to-left', {}, { dir: 'rtl', lang: 'ar', color: '#ffdd00' }],
    ['kept-nowhere', {}, {}],
  ]) {
    const other = await open(options);
    if (name === 'kept-nowhere') await other.addInitScript(() => Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('refused', 'SecurityError'); } }));
    await other.goto(at({ ...about, ...more }));
    const french = name === 'french';
    await other.getByRole('button', { name: french ? 'Ouvrir la discussion' : 'Open chat' }).click();
    const [question, script] = name === 'right-to-left' ? ['هل لديكم غلاية حمراء؟', 'rtl'] : [french ? 'Bonjour, une bouilloire ?' : 'A kettle, please', 'ltr'];
    await say(other, question);
    await line(other, 'agent', question).waitFor();
    assert.equal(await other.locator('.person .words').evaluate((e) => getComputedStyle(e).direction), script);
    await judge(other, name);
    if (name === 'phone') {
      const box = await other.getByRole('dialog').boundingBox();
      assert.deepEqual([box.x, box.y, box.width, box.height], [0, 0, 390, 844]);
      for (let n = 0; n < 8; n += 1) {
        await other.keyboard.press('Tab');
        assert.equal(await other.evaluate(() => document.activeElement.id), 'colloquy-widget', 'the keyboard stays within what is seen');
      }
    }
  }
});
