// Speaks for Twilio's own library, the judge of signatures: one JSON question a line in, one JSON answer a line out.
'use strict';

const readline = require('node:readline');
const { getExpectedTwilioSignature, validateRequest, validateRequestWithBody } = require('twilio/lib/webhooks/webhooks');

const answers = {
  /** What Twilio would send along. */
  sign: ({ token, url, params }) => getExpectedTwilioSignature(token, url, params),
  /** Whether it verifies. */
  verify: ({ token, signature, url, params, body }) =>
    body === undefined
      ? validateRequest(token, signature, url, params)
      : validateRequestWithBody(token, signature, url, body),
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
