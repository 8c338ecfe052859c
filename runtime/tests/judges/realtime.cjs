// Speaks for socket.io-client, the reference client of Socket.io: one JSON question a line in, one JSON answer a line out.
'use strict';

const readline = require('node:readline');
const { io } = require('socket.io-client');

const clients = new Map();

const answers = {
  /** Null once it is connected, or why it was refused. */
  connect: ({ client, url, auth, transports, headers }) =>
    new Promise((resolve) => {
      const socket = io(url, { auth, transports, extraHeaders: headers, forceNew: true, reconnection: false });
      const heard = [];
      socket.onAny((event, body) => heard.push({ event, body }));
      const state = { socket, heard, ended: null };
      socket.on('disconnect', (reason) => (state.ended = reason));
      clients.get(client)?.socket.disconnect();
      clients.set(client, state);
      socket.on('connect', () => resolve(null));
      socket.on('connect_error', (error) => resolve(error.message));
    }),
  /** The acknowledgement. */
  emit: ({ client, event, body }) => clients.get(client).socket.timeout(20000).emitWithAck(event, body),
  /** Everything that came, oldest first. */
  heard: ({ client }) => clients.get(client).heard,
  /** Why the connection ended, if it did. */
  ended: ({ client }) => clients.get(client).ended,
  disconnect: ({ client }) => {
    clients.get(client).socket.disconnect();
    return null;
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
  process.exit(0);
}

main();
