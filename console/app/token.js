// Where the refresh token lies: in this tab, or in the browser for whoever stays signed in.
//
// The browser's is an IndexedDB, since tabs that share a token need its newest value: each tab is a process with a copy of
// `localStorage` of its own, which learns of another's writing some time later, while transactions come one after the other.
import { perTab, read, write } from './store.js';

const KEY = 'colloquy.refresh';
const STORE = 'session';

let opening = null;

function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('colloquy', 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

async function inDatabase(mode, act) {
  const transaction = (await database()).transaction(STORE, mode);
  const request = act(transaction.objectStore(STORE));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result ?? null);
    transaction.onabort = () => reject(transaction.error);
  });
}

const tab = {
  get: async () => read(perTab(), KEY),
  put: async (value) => write(perTab(), KEY, value),
  clear: async () => write(perTab(), KEY, null),
};

// Where a browser forbids it, whoever stays signed in does so until the tab is closed.
const browser = {
  get: () => inDatabase('readonly', (store) => store.get(KEY)).catch(() => null),
  put: (value) => inDatabase('readwrite', (store) => store.put(value, KEY)).catch(() => tab.put(value)),
  clear: () => inDatabase('readwrite', (store) => store.delete(KEY)).catch(() => {}),
};

/** `{value, place}` of the token that is kept, or null; `place` takes the next one. */
export async function kept() {
  for (const place of [browser, tab]) {
    const value = await place.get();
    if (value) return { value, place };
  }
  return null;
}

export async function keep(value, stay) {
  await forget();
  await (stay ? browser : tab).put(value);
}

export const forget = () => Promise.all([browser.clear(), tab.clear()]);

/** Whether this tab has a token of its own, which a copied tab has a copy of. */
export const isTabs = () => read(perTab(), KEY) !== null;
export const dropTabs = () => tab.clear();
