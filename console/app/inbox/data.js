// What the inbox knows: conversations by pages as they are scrolled to, and the lines of one.
import { signal } from '../html.js';
import { get, put, query } from '../api.js';

const PAGE = 50;
/** How long one stays somewhere before it is read: quick scrolling asks for nothing that it passes by. */
const STAY = 80;
/** Lines of a thread that are read at once; also what a conversation is answered with. */
const LINES = 50;

/** The rows of one filter, read where somebody looks. */
export class Conversations {
  #asked = new AbortController();
  #loading = new Set();
  #filter = {};
  #range = [0, PAGE];
  #staying = null;
  /** How many there are; undefined until it is known. */
  total = signal(undefined);
  pages = signal(new Map());
  error = signal(null);

  ask(filter) {
    this.#asked.abort();
    this.#asked = new AbortController();
    this.#loading.clear();
    this.#filter = filter;
    this.#range = [0, PAGE];
    this.total.value = undefined;
    this.pages.value = new Map();
    this.error.value = null;
    return this.#read(0);
  }

  at(index) {
    return this.pages.value.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** Of a conversation among those that were read. */
  indexOf(id) {
    for (const [page, rows] of this.pages.value) {
      const found = rows.findIndex((row) => row.id === id);
      if (found >= 0) return page * PAGE + found;
    }
    return -1;
  }

  #shown() {
    const [first, last] = this.#range;
    const pages = [];
    for (let page = Math.floor(first / PAGE); page * PAGE < Math.max(last, 1); page++) pages.push(page);
    return pages;
  }

  show(first, last) {
    this.#range = [first, last];
    clearTimeout(this.#staying);
    this.#staying = setTimeout(() => this.#shown().filter((p) => !this.pages.value.has(p)).forEach((p) => this.#read(p)), STAY);
  }

  /** Reads again what is shown; other pages are read again when they are scrolled to. */
  async refresh() {
    const shown = this.#shown();
    await Promise.all(shown.map((p) => this.#read(p)));
    const kept = new Map([...this.pages.value].filter(([p]) => shown.includes(p)));
    if (kept.size < this.pages.value.size) this.pages.value = kept;
  }

  /** What is known better. */
  replace(row) {
    const change = (rows) => rows.map((old) => (old.id === row.id ? { ...old, ...row } : old));
    this.pages.value = new Map([...this.pages.value].map(([page, rows]) => [page, change(rows)]));
  }

  async #read(page) {
    if (this.#loading.has(page)) return;
    this.#loading.add(page);
    const { signal: mine } = this.#asked;
    try {
      const data = await get(`/api/conversations${query({ ...this.#filter, page: page + 1, limit: PAGE })}`, mine);
      if (mine.aborted) return;
      this.total.value = data.pagination.total;
      this.pages.value = new Map(this.pages.value).set(page, data.conversations);
      this.error.value = null;
    } catch (error) {
      if (!mine.aborted) this.error.value = error;
    } finally {
      if (!mine.aborted) this.#loading.delete(page);
    }
  }
}

/** One conversation and its lines, the oldest first. */
export class Thread {
  conversation = signal(null);
  lines = signal([]);
  /** Whether there are older lines. */
  older = signal(false);
  error = signal(null);
  /** What was said and is not in the transcript yet. */
  sending = signal([]);
  /** Tool calls that wait for a person's word. */
  approvals = signal([]);
  /** Until when somebody is typing, by the server's word. */
  typing = signal(false);
  #pages = 1;
  #closed = false;

  constructor(id) {
    this.id = id;
  }

  close() {
    this.#closed = true;
  }

  async load() {
    try {
      const waiting = `/api/approvals${query({ conversation: this.id, status: 'pending', limit: LINES })}`;
      const [{ messages, ...conversation }, { approvals }] = await Promise.all([get(`/api/conversations/${this.id}`), get(waiting)]);
      if (this.#closed) return;
      if (this.#pages === 1) this.older.value = messages.length === LINES;
      this.conversation.value = conversation;
      this.approvals.value = approvals;
      this.#merge(messages);
      this.error.value = null;
      if (conversation.unread > 0 && !document.hidden) await this.#read();
    } catch (error) {
      if (!this.#closed) this.error.value = error;
    }
  }

  async #read() {
    const seen = await put(`/api/conversations/${this.id}/read`);
    if (!this.#closed) this.conversation.value = seen;
  }

  async loadOlder() {
    const data = await get(`/api/conversations/${this.id}/messages${query({ page: this.#pages + 1, limit: LINES })}`);
    this.#pages++;
    this.older.value = data.pagination.totalPages > this.#pages;
    this.#merge(data.messages);
  }

  #merge(lines) {
    const all = new Map(this.lines.value.map((line) => [line.position, line]));
    lines.forEach((line) => all.set(line.position, line));
    this.lines.value = [...all.values()].sort((a, b) => a.position - b.position);
  }
}
