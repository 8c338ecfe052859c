// Chromium before a running server: what all flows share. What goes wrong ends the process with a message.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { chromium } = require('playwright-core');

const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';
const URL_OF_SERVER = process.env.COLLOQUY_URL;
const KEY = process.env.COLLOQUY_KEY;
/** Where pictures of the views go, if somebody wants to look at them. */
const PICTURES = process.env.CONSOLE_PICTURES;
/** Of one step, in milliseconds; generous, because a loaded machine is no failure. */
const PATIENCE = Number(process.env.CONSOLE_PATIENCE ?? 60_000);

const PERSON = { team: 'Seaview Hotel', name: 'Ann Lee', email: 'ann@seaview.example', password: 'a sentence of five words' };

/** Problems that a browser tells nobody but its console. */
const problems = [];

/** Asked for where a server may not have it: the console goes on without. */
const OPTIONAL = ['/api/events', '/api/analytics/'];

function watch(page) {
  page.setDefaultTimeout(PATIENCE);
  page.on('pageerror', (error) => problems.push(error.stack));
  page.on('console', (message) => {
    const optional = OPTIONAL.some((part) => message.location().url.includes(part));
    const awaited = /status of (400|401|409|429)|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET/.test(message.text());
    if (message.type() === 'error' && !optional && !awaited) problems.push(`${message.text()} (${message.location().url})`);
  });
  page.on('request', (request) => {
    const url = request.url();
    const known = [URL_OF_SERVER, process.env.SHOP].some((origin) => origin && url.startsWith(origin));
    if (!known && !url.startsWith('blob:')) problems.push(`a request to elsewhere: ${url}`);
  });
}

/** Runs a flow with a browser, then fails if the browser had anything to complain about. */
async function run(flow) {
  if (!fs.existsSync(BROWSER)) {
    console.error(`${BROWSER} is missing: the console is judged by Debian's package "chromium" (apt-get install chromium)`);
    process.exit(1);
  }
  const browser = await chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox'] });
  /** A window of its own: nothing is shared with others. */
  const open = async (options = {}) => {
    const context = await browser.newContext({ baseURL: URL_OF_SERVER, locale: 'en-GB', viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    watch(page);
    return page;
  };
  try {
    await flow(open);
    assert.deepEqual(problems, []);
  } catch (error) {
    console.error(error);
    const pages = browser.contexts().flatMap((context) => context.pages());
    for (const [n, page] of pages.entries()) await picture(page, `failed-${n}`).catch(() => {});
    if (problems.length) console.error('the browser says:', problems);
    process.exitCode = 1;
  }
  await browser.close();
}

/** Asks the API with the key that the installation made, or another credential. */
async function api(method, to, body, credential = KEY) {
  const headers = { authorization: `Bearer ${credential}`, 'content-type': 'application/json' };
  const response = await fetch(URL_OF_SERVER + to, { method, headers, body: body && JSON.stringify(body) });
  const answer = await response.json();
  assert.ok(response.ok, `${method} ${to}: ${JSON.stringify(answer)}`);
  return answer.data;
}

/** Somebody of the team, made over the API; `team` is who else belongs to it. */
async function register() {
  const { team: tenantName, name, email, password } = PERSON;
  const response = await fetch(`${URL_OF_SERVER}/api/auth/register`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ tenantName, name, email, password }),
  });
  assert.equal(response.status, 201);
  return (await response.json()).data.token;
}

async function signIn(page, at = '/console') {
  await page.goto(at);
  await page.locator('input[type=email]').fill(PERSON.email);
  await page.locator('input[type=password]').fill(PERSON.password);
  await page.keyboard.press('Enter');
  await page.locator('.shell').waitFor();
}

/** Goes to a view without loading the page again. */
async function view(page, to) {
  await page.evaluate((address) => {
    history.pushState(null, '', address);
    dispatchEvent(new PopStateEvent('popstate'));
  }, to);
  await page.locator('.skeletons, .opening').first().waitFor({ state: 'detached' });
  await page.locator('h1:visible, h2:visible').first().waitFor();
}

/** What axe finds to be serious or critical. */
async function barriers(page) {
  // Through the protocol of the developer tools, which the policy of the page does not bind.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate('axe.run(document, { resultTypes: ["violations"] })');
  const grave = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
  return grave.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
}

async function picture(page, name) {
  if (PICTURES) await page.screenshot({ path: path.join(PICTURES, `${name}.png`) });
}

module.exports = { PERSON, api, assert, barriers, picture, register, run, signIn, view };
