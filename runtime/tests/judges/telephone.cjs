// Speaks for the SDKs of Twilio and OpenAI: one JSON question a line in, one JSON answer a line out.
'use strict';

const readline = require('node:readline');
const twilio = require('twilio');
const { OpenAI } = require('openai');

/** Verbs as Twilio's own builder writes them: [name, attributes, text or verbs inside]. */
const build = (parent, verbs) => {
  for (const [name, attributes, inside] of verbs) {
    const words = typeof inside === 'string' ? [inside] : [];
    const verb = name === 'pause' || name === 'hangup' ? parent[name](attributes) : parent[name](attributes, ...words);
    if (Array.isArray(inside)) build(verb, inside);
  }
};

const client = ({ url, key }) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });

const answers = {
  /** Whether Twilio signed it. */
  validate: ({ token, signature, url, fields }) => twilio.validateRequest(token, signature, url, fields),
  /** The signature that Twilio would send. */
  sign: ({ token, url, fields }) => twilio.getExpectedTwilioSignature(token, url, fields),
  twiml: ({ verbs }) => {
    const response = new twilio.twiml.VoiceResponse();
    build(response, verbs);
    return response.toString();
  },
  models: async (q) => (await client(q).models.list()).data.map((m) => m.id),
  whole: async (q) => {
    const answer = await client(q).chat.completions.create({ model: q.model, user: q.user, messages: q.messages });
    return { text: answer.choices[0].message.content, finish: answer.choices[0].finish_reason, usage: answer.usage };
  },
  streamed: async (q) => {
    const stream = await client(q).chat.completions.create({
      model: q.model,
      user: q.user,
      messages: q.messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const told = { pieces: [], finish: null, usage: null };
    for await (const chunk of stream) {
      const [choice] = chunk.choices;
      if (choice?.delta?.content) told.pieces.push(choice.delta.content);
      told.finish = choice?.finish_reason ?? told.finish;
      told.usage = chunk.usage ?? told.usage;
    }
    return told;
  },
  /** Vectors as the SDK asks for them itself (as bytes), and as numbers. */
  embedded: async (q) => {
    const asked = { model: q.model, input: q.input };
    const usual = await client(q).embeddings.create(asked);
    const numbers = await client(q).embeddings.create({ ...asked, encoding_format: 'float' });
    const vectors = (answer) => answer.data.map((d) => Array.from(d.embedding));
    return { usual: vectors(usual), numbers: vectors(numbers), model: usual.model, usage: usual.usage };
  },
  /** What the SDK makes of a refusal. */
  refused: async (q) => {
    try {
      await client(q).chat.completions.create({ model: q.model, messages: q.messages });
      return null;
    } catch (error) {
      return { name: error.constructor.name, status: error.status, code: error.code, param: error.param };
    }
  },
};

async function main() {
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
}

main();
