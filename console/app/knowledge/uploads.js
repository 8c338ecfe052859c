// Files on their way: several at a time, many small ones together, each with its own progress, until they are read.
//
// The queue outlives the view: whoever looks at something else meanwhile loses nothing.
import { signal } from '../../vendor/signals.js';
import { get, query, upload } from '../api.js';
import { said } from '../ui.js';

const AT_ONCE = 3;
/** What travels together: the server counts requests, and one with a hundred files is one. A few travel one by one. */
const MOST_FILES = 100;
const LEAST_FILES = 25;
const A_FEW = 6;
const MOST_BYTES = 24e6;
const LOOK_EVERY = 2_500;
const LIST = 100;
/** Pages of the newest documents that are looked at for those that are being read. */
const MOST_PAGES = 5;

/** `{key, name, size, base, file, sent, state, document, error}`; state: waiting, sending, reading, ready, failed. */
export const uploads = signal([]);
/** Until when the server asked to wait, in milliseconds since 1970; 0 if it did not. */
export const pausedUntil = signal(0);

let nextKey = 0;
let sending = 0;
let looking = false;

const changed = (items, change) =>
  (uploads.value = uploads.value.map((u) => (items.includes(u.key) ? { ...u, ...(typeof change === 'function' ? change(u) : change) } : u)));

export const isOver = (u) => u.state === 'ready' || u.state === 'failed';
export const forgetFinished = () => (uploads.value = uploads.value.filter((u) => !isOver(u)));

export function add(files, base) {
  const fresh = [...files].map((file) => ({ key: nextKey++, name: file.name, size: file.size, base, file, sent: 0, state: 'waiting' }));
  uploads.value = [...uploads.value, ...fresh];
  work();
}

export function retry(key) {
  changed([key], { state: 'waiting', error: null, sent: 0 });
  work();
}

/** The next files for one request. */
function batch() {
  const waiting = uploads.value.filter((u) => u.state === 'waiting');
  const share = waiting.length <= A_FEW ? 1 : Math.min(MOST_FILES, Math.max(LEAST_FILES, Math.ceil(waiting.length / AT_ONCE)));
  const taken = [];
  let size = 0;
  for (const u of waiting) {
    const fits = u.base === waiting[0].base && (!taken.length || size + u.size <= MOST_BYTES);
    if (!fits || taken.length >= share) break;
    taken.push(u);
    size += u.size;
  }
  return taken;
}

function work() {
  const wait = pausedUntil.value - Date.now();
  if (wait > 0) return void setTimeout(work, wait);
  pausedUntil.value = 0;
  while (sending < AT_ONCE) {
    const items = batch();
    if (!items.length) return;
    sending++;
    send(items).finally(() => {
      sending--;
      work();
    });
  }
}

async function send(items) {
  const keys = items.map((u) => u.key);
  changed(keys, { state: 'sending' });
  const form = new FormData();
  form.append('kb', items[0].base);
  items.forEach((u) => form.append('file', u.file, u.name));
  try {
    const { documents } = await upload('/api/documents', form, (bytes) => spread(items, bytes));
    items.forEach((u, n) => changed([u.key], { state: 'reading', sent: u.size, document: documents[n], file: null }));
    look();
  } catch (error) {
    if (error.status === 429) {
      pausedUntil.value = Date.now() + (error.retryAfter ?? 10) * 1000;
      changed(keys, { state: 'waiting', sent: 0 });
    } else if (items.length > 1 && error.status >= 400 && error.status < 500) {
      // One of them is refused, not all: each by itself tells which. What came in already is replaced by itself.
      for (const u of items) await send([u]);
    } else {
      changed(keys, { state: 'failed', error: said(error) });
    }
  }
}

/** Files of a form travel one after another. */
function spread(items, bytes) {
  let before = 0;
  const sent = new Map(items.map((u) => {
    const mine = Math.max(0, Math.min(u.size, bytes - before));
    before += u.size;
    return [u.key, mine];
  }));
  changed([...sent.keys()], (u) => ({ sent: sent.get(u.key) }));
}

/** Looks how far the server is, as long as it reads. */
async function look() {
  if (looking) return;
  looking = true;
  for (;;) {
    const reading = uploads.value.filter((u) => u.state === 'reading');
    if (!reading.length) break;
    const pages = Math.min(MOST_PAGES, Math.ceil(reading.length / LIST));
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY * pages));
    await Promise.all([...new Set(reading.map((u) => u.base))].map((base) => lookAt(base, reading, pages))).catch(() => {});
  }
  looking = false;
}

async function lookAt(base, reading, pages) {
  const found = new Map();
  for (let page = 1; page <= pages; page++) {
    const data = await get(`/api/documents${query({ kb: base, limit: LIST, page })}`);
    data.documents.forEach((d) => found.set(d.id, d));
  }
  const mine = reading.filter((u) => u.base === base);
  // Those that are further down are asked for one by one, a few at a time.
  const missing = mine.filter((u) => !found.has(u.document.id)).slice(0, 3);
  for (const u of missing) {
    found.set(u.document.id, await get(`/api/documents/${u.document.id}`).catch((e) => e.status === 404 && { ...u.document, status: 'failed' }));
  }
  mine.forEach((u) => {
    const document = found.get(u.document.id);
    if (!document) return;
    const over = document.status === 'ready' || document.status === 'failed';
    changed([u.key], { document, state: over ? document.status : 'reading', error: document.cause?.message ?? null });
  });
}

/** Files of what was dropped, also those in folders. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry) {
  if (entry.name.startsWith('.')) return [];
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return (await Promise.all(all.map(filesOf))).flat();
    all.push(...some);
  }
}
