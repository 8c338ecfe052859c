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
/** Fewer than this are asked for one by one, more by pages of the list. */
const A_DOZEN = 12;
const LIST = 100;
const MOST_PAGES = 5;
/** So that looking leaves room for everything else that a person may ask in a minute. */
const PER_REQUEST = 700;

/** `{key, name, size, base, file, sent, state, document, error}`; state: waiting, sending, reading, ready, failed. */
export const uploads = signal([]);
/** Until when the server asked to wait, in milliseconds since 1970; 0 if it did not. */
export const pausedUntil = signal(0);

let nextKey = 0;
let sending = 0;
let looking = false;
/** How many pages a base's list has. */
const pagesOf = new Map();

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

/** Looks how far the server is, as long as it reads; the more it asks, the seldomer. */
async function look() {
  if (looking) return;
  looking = true;
  for (let round = 0; ; round++) {
    const reading = uploads.value.filter((u) => u.state === 'reading');
    if (!reading.length) break;
    const asked = Math.min(reading.length, reading.length > A_DOZEN ? MOST_PAGES : A_DOZEN);
    await new Promise((resolve) => setTimeout(resolve, Math.max(LOOK_EVERY, asked * PER_REQUEST)));
    const found = reading.length > A_DOZEN ? byPages(reading, round) : byOne(reading);
    (await found.catch(() => [])).forEach(note);
  }
  looking = false;
}

const byOne = (reading) =>
  Promise.all(reading.map((u) => get(`/api/documents/${u.document.id}`).catch((e) => e.status === 404 && { ...u.document, status: 'failed' }))).then((all) => all.filter(Boolean));

/** Some pages of the list in each round, so that all were seen after a few. */
async function byPages(reading, round) {
  const found = [];
  for (const base of new Set(reading.map((u) => u.base))) {
    let pages = 1;
    for (let n = 0; n < Math.min(MOST_PAGES, pages); n++) {
      const page = 1 + ((round * MOST_PAGES + n) % (pagesOf.get(base) ?? 1));
      const data = await get(`/api/documents${query({ kb: base, limit: LIST, page })}`);
      pages = data.pagination.totalPages;
      pagesOf.set(base, Math.max(1, pages));
      found.push(...data.documents);
    }
  }
  return found;
}

/** Files of one name are one document. */
function note(document) {
  const keys = uploads.value.filter((u) => u.state === 'reading' && u.document.id === document.id).map((u) => u.key);
  const over = document.status === 'ready' || document.status === 'failed';
  if (keys.length) changed(keys, { document, state: over ? document.status : 'reading', error: document.cause?.message ?? null });
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
