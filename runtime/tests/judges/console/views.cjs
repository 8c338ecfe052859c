// Every view, light and dark, on a phone and in French: axe finds nothing grave, nothing is wider than the window.
'use strict';

const { api, assert, barriers, picture, register, run, signIn, view } = require('./browser.cjs');

const MODES = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  french: { locale: 'fr-FR' },
};

/** A team with something in each view. */
async function furnish() {
  const token = await register();
  const own = (method, to, body) => api(method, to, body, token);
  const base = await own('POST', '/api/knowledge-bases', { name: 'default' });
  const form = new FormData();
  form.append('file', new Blob(['# Spa\n\nA massage of 50 minutes costs 85 euros.\n']), 'Spa.md');
  form.append('file', new Blob(['no such thing']), 'Broken.pdf');
  const sent = await fetch(`${process.env.COLLOQUY_URL}/api/documents`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: form });
  const document = (await sent.json()).data.documents[0];
  const agent = await own('POST', '/api/agents', { name: 'Front desk', knowledge: ['default'], gather_quiet_ms: 0 });
  const channel = await own('POST', '/api/channels', { kind: 'webchat', name: 'Website', agent: agent.id, settings: { public: 'true' } });
  for (;;) {
    const { status } = await own('GET', `/api/documents/${document.id}`);
    if (status === 'ready') break;
    assert.notEqual(status, 'failed');
  }
  for (const message of ['How much is a massage?', 'Do you rent bicycles?']) {
    await own('POST', '/api/chat', { channel: channel.id, session: `visitor-${message.length}`, message });
  }
  const { conversations } = await own('GET', '/api/conversations');
  await own('PATCH', `/api/conversations/${conversations[0].id}`, { mode: 'operator', tags: ['vip'] });
  await own('POST', `/api/conversations/${conversations[0].id}/notes`, { text: 'A regular guest.' });
  await own('POST', '/api/webhook-endpoints', { url: 'https://crm.example.com/hook' });
  await own('POST', '/api/tool-servers', { name: 'shop', url: 'https://shop.example.com/mcp' });
  await own('POST', '/api/users', { name: 'Ben Okri', email: 'ben@seaview.example', role: 'operator' });
  await own('POST', '/api/api-keys', { name: 'Website', scopes: ['chat:write'] });
  return {
    inbox: ['inbox'], thread: ['inbox', conversations[1].id], taken: ['inbox', conversations[0].id],
    knowledge: ['knowledge'], try: ['knowledge', base.id, 'try'], unanswered: ['knowledge', base.id, 'unanswered'],
    proposals: ['knowledge', base.id, 'proposals'], document: ['knowledge', 'documents', document.id],
    agents: ['agents'], agent: ['agents', agent.id], versions: ['agents', agent.id, 'versions'], channels: ['channels'],
    broadcasts: ['broadcasts'], simulations: ['simulations'],
    contacts: ['contacts'], contact: ['contacts', conversations[0].contact], analytics: ['analytics'],
    ...Object.fromEntries(['account', 'people', 'keys', 'webhooks', 'deliveries', 'tools', 'services', 'limits', 'audit'].map((tab) => [tab, ['settings', tab]])),
    start: ['start'], lost: ['nowhere'],
  };
}

async function judge(page, name) {
  assert.deepEqual(await barriers(page), [], name);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 1, `${name} is ${wide} pixels too wide`);
  await picture(page, name);
}

run(async (open) => {
  const views = await furnish();
  for (const [mode, options] of Object.entries(MODES)) {
    const page = await open(options);
    for (const way of ['login', 'register', 'forgot', 'reset?token=x']) {
      await page.goto(`/console/${way}`);
      await page.locator('form').waitFor();
      await judge(page, `${mode}-${way.split('?')[0]}`);
    }
    await signIn(page);
    assert.equal(await page.evaluate(() => document.documentElement.lang), mode === 'french' ? 'fr' : 'en');
    for (const [name, parts] of Object.entries(views)) {
      await view(page, `/console/${parts.join('/')}`);
      if (name === 'try') {
        await page.locator('.ask input').fill('How much is a massage?');
        await page.keyboard.press('Enter');
        await page.locator('.passage mark').first().waitFor();
      }
      await judge(page, `${mode}-${name}`);
    }
    await dialogs(page, mode);
    await page.context().close();
  }
});

/** What opens above the views, and closes again by a key. */
async function dialogs(page, mode) {
  const french = mode === 'french';
  for (const [at, name] of [['channels', french ? 'Connecter un canal' : 'Connect a channel'], ['settings/keys', french ? 'Nouvelle clé' : 'New key'], ['settings/webhooks', french ? 'Nouvelle adresse' : 'New endpoint']]) {
    await view(page, `/console/${at}`);
    await page.getByRole('button', { name }).first().click();
    await page.locator('dialog[open]').waitFor();
    await judge(page, `${mode}-dialog-${at.replace('/', '-')}`);
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
  }
  if (mode !== 'light') return;
  // The theme that somebody chooses holds against the system's, and is there from the first moment.
  await view(page, '/console/settings/account');
  await page.locator('.choices').getByText('Dark').click();
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await ground(), 'rgb(18, 21, 20)');
  await page.reload();
  await page.locator('.shell').waitFor();
  assert.equal(await ground(), 'rgb(18, 21, 20)');
  await page.locator('.choices').getByText('Français').click();
  await page.getByRole('heading', { name: 'Réglages' }).waitFor();
}
