// The way to the server: one session, its tokens, and requests that say what went wrong.
//
// The access token lives in memory only; the refresh token, which is good for one use, lies where `token.js` keeps it
// (docs/SECURITY.md says why).
import { computed, signal } from '../vendor/signals.js';
import { language } from './i18n.js';
import { perTab, read, write } from './store.js';
import * as kept from './token.js';

const REFRESH = 'colloquy.refresh';
const TAB = 'colloquy.tab';
/** Longest time that a reading request waits when it was told to come again later. */
const PATIENCE = 15;

/** `{state: 'unknown' | 'out' | 'in', user, tenant}`. */
export const session = signal({ state: 'unknown' });
/** Whether the server could be reached the last time. */
export const reachable = signal(true);

let token = null;
let refreshing = null;

/** What the server refused, or that it could not be reached (status 0). */
export class Failure extends Error {
  constructor(status, body, retryAfter) {
    super(body?.message ?? '');
    this.status = status;
    this.code = body?.code ?? (status === 0 ? 'UNREACHABLE' : 'UNKNOWN');
    this.details = body?.details ?? [];
    this.retryAfter = retryAfter;
    this.requestId = body?.requestId;
  }
}

const RANKS = ['operator', 'admin', 'owner', 'platform_admin'];
/** Whether the person has at least this role; the server looks again. */
export const atLeast = (role) => RANKS.indexOf(session.value.user?.role) >= RANKS.indexOf(role);
export const isAdmin = computed(() => atLeast('admin'));

async function forget() {
  token = null;
  await kept.forget();
  session.value = { state: 'out' };
}

/** A copied tab has a copy of the token: used by both, it would end the session. The copy is thrown away. */
async function dropCopy() {
  if (!navigator.locks || !kept.isTabs()) return;
  const id = read(perTab(), TAB) ?? '';
  const mine = await new Promise((resolve) => {
    // Held as long as the tab lives.
    navigator.locks.request(`${TAB}.${id}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock && new Promise(() => {});
    });
  });
  if (!mine) await kept.dropTabs();
}

function holdTab() {
  const id = Math.random().toString(36).slice(2);
  write(perTab(), TAB, id);
  navigator.locks?.request(`${TAB}.${id}`, () => new Promise(() => {}));
}

/** One refresh at a time in all tabs: each token is good for one use. */
function refresh() {
  refreshing ??= (navigator.locks ? navigator.locks.request(REFRESH, rotate) : rotate()).finally(() => (refreshing = null));
  return refreshing;
}

async function rotate() {
  const last = await kept.kept();
  if (!last) return false;
  const response = await send('POST', '/api/auth/refresh', { refreshToken: last.value });
  if (!response.ok) {
    if (response.status === 401) await forget();
    return false;
  }
  const { data } = await response.json();
  token = data.token;
  await last.place.put(data.refreshToken);
  return true;
}

async function send(method, path, body, signal) {
  const headers = { 'accept-language': language.value };
  if (token) headers.authorization = `Bearer ${token}`;
  const form = body instanceof FormData;
  if (body !== undefined && !form) headers['content-type'] = 'application/json';
  const content = body === undefined || form ? body : JSON.stringify(body);
  try {
    const response = await fetch(path, { method, headers, body: content, signal, cache: 'no-store' });
    reachable.value = true;
    return response;
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    reachable.value = false;
    throw new Failure(0, null);
  }
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** The raw response of a request with a credential; refreshes the token once. */
export async function open(method, path, body, signal) {
  let response = await send(method, path, body, signal);
  if (response.status === 401 && token && (await refresh())) response = await send(method, path, body, signal);
  if (response.status === 401 && session.value.state === 'in' && !(await kept.kept())) await forget();
  return response;
}

async function failure(response) {
  const after = Number(response.headers.get('retry-after')) || undefined;
  return new Failure(response.status, await response.json().catch(() => null), after);
}

async function call(method, path, body, signal) {
  for (let tries = 0; ; tries++) {
    const response = await open(method, path, body, signal);
    if (response.ok) return response.status === 204 ? null : (await response.json()).data;
    const failed = await failure(response);
    const again = method === 'GET' && failed.retryAfter <= PATIENCE && tries < 3;
    if (!again) throw failed;
    await pause(failed.retryAfter);
  }
}

export const get = (path, signal) => call('GET', path, undefined, signal);
export const post = (path, body = {}) => call('POST', path, body);
export const put = (path, body = {}) => call('PUT', path, body);
export const patch = (path, body) => call('PATCH', path, body);
export const remove = (path) => call('DELETE', path);

/** A query string of what is there. */
export function query(values) {
  const there = Object.entries(values).filter(([, v]) => v !== undefined && v !== null && v !== '');
  return there.length ? `?${new URLSearchParams(there)}` : '';
}

/** Posts a form and tells how many of its bytes are on their way: `fetch` cannot. */
export async function upload(path, form, onBytes) {
  const once = () =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('POST', path);
      request.setRequestHeader('authorization', `Bearer ${token}`);
      request.setRequestHeader('accept-language', language.value);
      request.upload.onprogress = (event) => onBytes(event.loaded);
      request.onerror = () => reject(new Failure(0, null));
      request.onload = () => resolve(request);
      request.send(form);
    });
  let answer = await once();
  if (answer.status === 401 && (await refresh())) answer = await once();
  let body = null;
  try {
    body = JSON.parse(answer.responseText);
  } catch {
    // No answer of ours: its status says enough.
  }
  if (answer.status < 300) return body.data;
  throw new Failure(answer.status, body, Number(answer.getResponseHeader('retry-after')) || undefined);
}

async function enter({ user, tenant, token: access, refreshToken }, stay) {
  token = access;
  await kept.keep(refreshToken, stay);
  if (!stay) holdTab();
  session.value = { state: 'in', user, tenant };
}

export async function signIn(credentials, stay) {
  await enter(await call('POST', '/api/auth/login', credentials), stay);
}

export async function register(team, stay) {
  await enter(await call('POST', '/api/auth/register', team), stay);
}

export async function signOut() {
  await call('POST', '/api/auth/logout', {}).catch(() => {});
  await forget();
}

/** Goes on with the session that this browser has, if it has one. */
export async function resume() {
  await dropCopy();
  try {
    if (!(await kept.kept()) || !(await refresh())) return forget();
    if (kept.isTabs()) holdTab();
    session.value = { state: 'in', ...(await get('/api/auth/me')) };
  } catch (error) {
    // The server is away, the session may still hold: ask again when it is back.
    if (error.status !== 0 && error.status < 500) return forget();
    await pause(2);
    return resume();
  }
}
