// Speaks for the Model Context Protocol's own client: one JSON question a line in, one JSON answer a line out.
'use strict';

const readline = require('node:readline');
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const { StreamableHTTPClientTransport } = require('@modelcontextprotocol/sdk/client/streamableHttp.js');

let client;

const answers = {
  /** What the server says of itself, or why it refuses. */
  connect: async ({ url, key }) => {
    client = new Client({ name: 'judge', version: '1' });
    const headers = key ? { authorization: `Bearer ${key}` } : {};
    try {
      await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
    } catch (error) {
      return { refused: error.code ?? String(error.message) };
    }
    return { server: client.getServerVersion(), capabilities: client.getServerCapabilities() };
  },
  tools: async () => (await client.listTools()).tools,
  call: async ({ name, arguments: given }) => {
    try {
      return await client.callTool({ name, arguments: given });
    } catch (error) {
      return { refused: error.code };
    }
  },
};

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const question = JSON.parse(line);
    let answer;
    try {
      answer = { answer: (await answers[question.ask](question)) ?? null };
    } catch (error) {
      answer = { error: String(error.stack ?? error) };
    }
    process.stdout.write(JSON.stringify(answer) + '\n');
  }
}

main();
