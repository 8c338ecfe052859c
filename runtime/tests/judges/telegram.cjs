// Speaks for telegram-test-api, Telegram's judge: one JSON question a line in, one JSON answer a line out.
'use strict';

const net = require('node:net');
const readline = require('node:readline');
const TelegramServer = require('telegram-test-api');

/** The server takes no port 0. */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function main() {
  const port = await freePort();
  // Nothing is forgotten while a test runs (the time is in seconds).
  const server = new TelegramServer({ port, host: '127.0.0.1', storeTimeout: 3600 });
  await server.start();

  const calls = [];
  server.server.on('request', (request, response) => {
    response.on('finish', () => {
      const [, method] = /^\/bot[^/]+\/(\w+)/.exec(request.originalUrl ?? request.url) ?? [];
      if (method) calls.push({ method, status: response.statusCode, body: request.body });
    });
  });

  /** A person of the judge's own making, in a private chat. */
  const person = ({ token, chat }) =>
    server.getClient(token, { chatId: chat, userId: chat, firstName: `Person ${chat}`, userName: `person${chat}` });

  /** Resolves when the judge has taken the update in, and, with a webhook, delivered it. */
  async function accepted(send) {
    const taken = server.waitUserMessage();
    await send();
    await taken;
    return null;
  }

  const answers = {
    url: () => server.config.apiURL,
    text: (q) => accepted(() => person(q).sendMessage(person(q).makeMessage(q.text))),
    command: (q) => accepted(() => person(q).sendCommand(person(q).makeCommand(q.text))),
    callback: (q) => accepted(() => person(q).sendCallback(person(q).makeCallbackQuery(q.data, { message: q.message }))),
    /** What the bot sent, oldest first. */
    sent: ({ token }) => server.storage.botMessages.filter((m) => m.botToken === token).map((m) => m.message),
    /** Updates that the bot has not fetched. */
    unread: ({ token }) => server.storage.userMessages.filter((m) => m.botToken === token && !m.isRead).length,
    webhook: ({ token }) => server.webhooks[token] ?? null,
    calls: ({ method }) => calls.filter((c) => c.method === method),
  };

  for await (const line of readline.createInterface({ input: process.stdin })) {
    const question = JSON.parse(line);
    let answer;
    try {
      answer = { answer: await answers[question.ask](question) };
    } catch (error) {
      answer = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0);
}

main();
