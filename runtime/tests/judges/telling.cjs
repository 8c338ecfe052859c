// Speaks for standardwebhooks, the judge of what we send: one JSON question a line in, one JSON answer a line out.
'use strict';

const readline = require('node:readline');
const { Webhook } = require('standardwebhooks');

const answers = {
  /** Null if it verifies, or why it does not. */
  verify: ({ secret, body, headers }) => {
    try {
      new Webhook(secret).verify(body, headers);
      return null;
    } catch (error) {
      return String(error.message);
    }
  },
  /** What a receiver in JavaScript makes of the envelope: the text of everything but its signature. */
  rest: ({ body }) => {
    const { signature, ...rest } = JSON.parse(body);
    return { signature, text: JSON.stringify(rest) };
  },
};

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const question = JSON.parse(line);
    let answer;
    try {
      answer = { answer: answers[question.ask](question) };
    } catch (error) {
      answer = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

main();
