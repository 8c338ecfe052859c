// What happens while one looks: the server's event stream where there is one, otherwise a look every few seconds.
import { signal } from '../vendor/signals.js';
import { open } from './api.js';

const STREAM = '/api/events';
const LOOK_EVERY = 4_000;
const LOOK_HIDDEN = 30_000;
const LONGEST_PAUSE = 30_000;
/** Silence after which a stream counts as lost; servers send a comment every quarter of a minute. */
const SILENCE = 45_000;

/** `connecting`, `live` (events come) or `polling`. */
export const liveness = signal('connecting');

const listeners = new Set();
let running = null;
let lastId = null;

/** What is no news of conversations: who is there, and that a stream ends. */
const ASIDE = /^(presence|session)/;

/** Hears `{eventType, conversation}`; `eventType` is `look` when something may have happened. Returns how to stop. */
export function hear(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const tell = (event) => listeners.forEach((listener) => listener(event));

/** Acts every few seconds while somebody looks, for what no event tells of. Returns how to stop. */
export function repeat(ms, act) {
  const timer = setInterval(() => document.hidden || act(), ms);
  return () => clearInterval(timer);
}

export function start() {
  stop();
  running = new AbortController();
  follow(running.signal);
}

export function stop() {
  running?.abort();
  running = null;
  lastId = null;
}

const sleep = (ms, signal) =>
  new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      removeEventListener('online', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    addEventListener('online', wake);
    signal.addEventListener('abort', wake, { once: true });
  });

async function follow(signal) {
  let failures = 0;
  while (!signal.aborted) {
    const came = await read(signal).catch(() => 'lost');
    if (signal.aborted) return;
    if (came === 'absent') return poll(signal);
    failures = came === 'ended' ? 0 : failures + 1;
    liveness.value = 'connecting';
    await sleep(Math.min(LONGEST_PAUSE, 1_000 * 2 ** Math.min(failures, 5)) * (0.5 + Math.random() / 2), signal);
    // What was missed meanwhile.
    tell({ eventType: 'look' });
  }
}

async function read(signal) {
  const quiet = new AbortController();
  const either = AbortSignal.any([signal, quiet.signal]);
  // A stream does not notice that the network went away.
  addEventListener('offline', () => quiet.abort(), { signal: either });
  const response = await open('GET', STREAM + (lastId ? `?lastEventId=${encodeURIComponent(lastId)}` : ''), undefined, either);
  if (response.status === 404 || response.status === 405) return 'absent';
  if (!response.ok || !response.body) return 'lost';
  liveness.value = 'live';
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const timer = setTimeout(() => quiet.abort(), SILENCE);
    const { value, done } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return 'ended';
    const blocks = (text + value).split(/\r?\n\r?\n/);
    text = blocks.pop();
    blocks.map(parse).filter((event) => event && !ASIDE.test(event.eventType)).forEach(tell);
  }
}

/** One block of the stream: its name, and JSON that names the conversation, itself or in its `data`. */
export function parse(block) {
  const lines = block.split(/\r?\n/);
  const field = (name) =>
    lines.filter((l) => l.startsWith(`${name}:`)).map((l) => l.slice(name.length + 1).trim()).join('\n');
  if (field('id')) lastId = field('id');
  if (!field('data')) return null;
  try {
    const event = JSON.parse(field('data'));
    return { eventType: field('event'), conversation: event.conversationId ?? event.data?.conversationId };
  } catch {
    return null;
  }
}

async function poll(signal) {
  liveness.value = 'polling';
  while (!signal.aborted) {
    await sleep(document.hidden ? LOOK_HIDDEN : LOOK_EVERY, signal);
    if (!signal.aborted) tell({ eventType: 'look' });
  }
}

/** Calls at once, then at most once in `ms`, and once more for what came meanwhile. */
export function gently(ms, act) {
  let busy = false;
  let again = false;
  return async function run() {
    if (busy) return void (again = true);
    busy = true;
    await Promise.resolve(act()).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, ms));
    busy = false;
    if (again) {
      again = false;
      run();
    }
  };
}
