// As somebody new does it: `colloquy demo` runs, its console is opened, a team is made, a PDF uploaded, and a bot on Telegram
// (npm's telegram-test-api) answers from it. The clicks are counted.
'use strict';

const net = require('node:net');
const TelegramServer = require('telegram-test-api');
const { PERSON, assert, picture, run, view } = require('./browser.cjs');

const TOKEN = '666:the-bot-token';
const { DOCUMENT, QUESTION, ANSWER } = process.env;

/** The judge takes no port 0. */
function freePort() {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function telegram() {
  const server = new TelegramServer({ port: await freePort(), host: '127.0.0.1', storeTimeout: 3600 });
  await server.start();
  const person = server.getClient(TOKEN, { chatId: 41, userId: 41, firstName: 'Ada', userName: 'ada' });
  return { server, person };
}

async function answered(server) {
  const said = () => server.storage.botMessages.map(({ message }) => String(message.text));
  for (let left = 600; left > 0; left--) {
    const found = said().find((text) => text.includes(ANSWER));
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no answer on Telegram, only ${JSON.stringify(said())}`);
}

run(async (open) => {
  const { server, person } = await telegram();
  const page = await open();
  let clicks = 0;
  const click = async (target) => {
    clicks++;
    await target.click();
  };
  const begun = Date.now();
  await page.goto('/console');
  await click(page.getByRole('link', { name: 'Create a team' }));
  await page.getByLabel('Team or company').fill(PERSON.team);
  await page.getByLabel('Your name').fill(PERSON.name);
  await page.getByLabel('E-mail').fill(PERSON.email);
  await page.getByLabel('Password').fill(PERSON.password);
  await click(page.getByRole('button', { name: 'Create the team' }));
  await page.getByRole('heading', { name: 'First steps' }).waitFor();
  clicks++;
  await page.locator('input[type=file]').setInputFiles(DOCUMENT);
  await page.locator('.upload').getByText('Ready', { exact: true }).waitFor();
  await click(page.getByRole('button', { name: 'Make the agent' }));
  await click(page.getByRole('link', { name: 'WhatsApp, Messenger, Telegram' }));
  await click(page.locator('.kinds').getByRole('button', { name: /^Telegram/ }));
  await page.getByLabel('Bot token').fill(TOKEN);
  // Only a server of one's own needs it: Telegram itself is known.
  await page.getByText('A server of your own').click();
  await page.getByLabel('Address of the API').fill(server.config.apiURL);
  await picture(page, 'from-demo-telegram');
  await click(page.getByRole('button', { name: 'Connect', exact: true }));
  const connected = page.locator('dialog[open]');
  await click(connected.getByRole('button', { name: 'Test the connection' }));
  await connected.getByText('It works').waitFor();
  await click(connected.getByRole('button', { name: 'Done' }));

  await person.sendMessage(person.makeMessage(QUESTION));
  const reply = await answered(server);
  console.log(`${clicks} clicks from the console of the demonstration to Telegram's answer, ${Date.now() - begun} ms: ${reply.slice(0, 60)}`);
  assert.ok(clicks <= 10, `${clicks} clicks`);

  // The team sees it, with its source.
  await view(page, '/console/inbox');
  await click(page.locator('.conversation').first());
  await page.locator('.line.agent .citation').first().waitFor();
  await picture(page, 'from-demo-inbox');
  await server.stop();
});
