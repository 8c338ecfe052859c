// The chat of a public web chat channel on any page:
//   <script src="https://talks.example/widget.js" data-channel="<id>" async></script>
// docs/WIDGET.md says what else it reads and tells. What people and models write becomes text nodes, never markup.
(() => {
  'use strict';
  const script = document.currentScript ?? document.querySelector('script[data-channel][src*="widget.js"]');
  if (!script || window.Colloquy) return;
  const { channel, color, title, language, side } = script.dataset;
  const server = new URL(script.src).origin;
  /** Bytes of a file; the server takes no more. */
  const LARGEST = 10 * 1024 * 1024;

  const TEXTS = {
    en: {
      chat: 'Chat', open: 'Open chat', close: 'Close chat', log: 'Conversation', ask: 'Your message', send: 'Send', fresh: 'New conversation',
      attach: 'Send a file', file: 'File', you: 'You', agent: 'Assistant', operator: 'Team', sources: 'Sources', page: 'p.', retry: 'Try now',
      news: (n) => (n === 1 ? '1 new message' : `${n} new messages`),
      byAgent: 'The assistant answers again.', byOperator: 'A person of the team answers now.',
      agentWrites: 'The assistant is writing…', operatorWrites: 'The team is writing…',
      offline: 'Not connected. Trying again…', unsent: 'Not sent yet. Trying again…', refused: 'Not sent:', large: 'the file is too large', away: 'This chat is not available.',
    },
    fr: {
      chat: 'Discussion', open: 'Ouvrir la discussion', close: 'Fermer la discussion', log: 'Conversation', ask: 'Votre message', send: 'Envoyer', fresh: 'Nouvelle conversation',
      attach: 'Envoyer un fichier', file: 'Fichier', you: 'Vous', agent: 'Assistant', operator: 'Équipe', sources: 'Sources', page: 'p.', retry: 'Réessayer',
      news: (n) => (n === 1 ? '1 nouveau message' : `${n} nouveaux messages`),
      byAgent: 'L’assistant répond de nouveau.', byOperator: 'Une personne de l’équipe vous répond.',
      agentWrites: 'L’assistant écrit…', operatorWrites: 'L’équipe écrit…',
      offline: 'Pas de connexion. Nouvel essai…', unsent: 'Pas encore envoyé. Nouvel essai…', refused: 'Pas envoyé :', large: 'le fichier est trop grand', away: 'Cette discussion n’est pas disponible.',
    },
  };
  const wanted = language || document.documentElement.lang || navigator.language || 'en';
  const lang = wanted.toLowerCase().startsWith('fr') ? 'fr' : 'en';
  const say = TEXTS[lang];

  // ---- What is kept of this channel, in this browser or, where it refuses, for as long as the page is there.
  const key = `colloquy.widget.${channel}`;
  const state = { session: null, open: false, unsent: [] };
  try { Object.assign(state, JSON.parse(localStorage.getItem(key) ?? '{}')); } catch { /* Refused, or not ours. */ }
  const keep = () => { try { localStorage.setItem(key, JSON.stringify(state)); } catch { /* Refused. */ } };
  const unguessable = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
  let visitor = null;

  // ---- Elements.
  function el(tag, about = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(about)) {
      if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
      else if (value !== false && value != null) made.setAttribute(name, value === true ? '' : value);
    }
    made.append(...children);
    return made;
  }
  function icon(path) {
    const ns = 'http://www.w3.org/2000/svg', svg = document.createElementNS(ns, 'svg'), line = document.createElementNS(ns, 'path');
    for (const [n, v] of Object.entries({ viewBox: '0 0 24 24', 'aria-hidden': 'true' })) svg.setAttribute(n, v);
    line.setAttribute('d', path);
    svg.append(line);
    return svg;
  }

  // ---- Colours: on the page's own, black or white, whichever is easier to read; one of them always is.
  const accent = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.test(color ?? '') ? color : '#0b57d0';
  function inkOn(background) {
    const digits = background.length === 4 ? background.replace(/[^#]/g, '$&$&') : background;
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(digits.slice(at, at + 2), 16) / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#000' : '#fff';
  }
  const STYLE = `
:host { all: initial; --page: #fff; --text: #1f1f1f; --soft: #5a5f64; --line: #c4c7cb; --other: #eef0f2; --wrong: #b3261e; }
@media (prefers-color-scheme: dark) { :host { --page: #1b1b1d; --text: #e6e6e6; --soft: #a9afb5; --line: #50545a; --other: #2c2e32; --wrong: #f2b8b5; } }
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
.root { font: 16px/1.45 system-ui, sans-serif; color: var(--text); color-scheme: light dark; text-align: start; }
button, textarea { font: inherit; color: inherit; }
button { cursor: pointer; border: 0; background: none; padding: 0; border-radius: 10px; }
:focus-visible { outline: 3px solid var(--text); outline-offset: 2px; box-shadow: 0 0 0 2px var(--page); }
svg { width: 24px; height: 24px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; display: block; }
.launcher { position: fixed; inset: auto 20px 20px auto; z-index: 2147483000; width: 56px; height: 56px; border-radius: 50%; display: grid; place-items: center;
  background: var(--accent); color: var(--ink); border: 1px solid var(--page); box-shadow: 0 4px 14px #0005; }
.badge { position: absolute; inset: -4px -4px auto auto; min-width: 22px; padding: 0 6px; border-radius: 11px; background: #b3261e; color: #fff; font-size: 13px; line-height: 22px; font-weight: 600; }
.panel { position: fixed; inset: auto 20px 88px auto; z-index: 2147483000; width: 380px; max-width: calc(100vw - 40px); height: min(600px, calc(100dvh - 108px));
  display: grid; grid-template-rows: auto 1fr auto auto; background: var(--page); border: 1px solid var(--line); border-radius: 16px; overflow: hidden; box-shadow: 0 8px 32px #0006; animation: rise .18s ease-out; }
.left .launcher { inset: auto auto 20px 20px; }
.left .panel { inset: auto auto 88px 20px; }
@keyframes rise { from { opacity: 0; transform: translateY(12px); } }
header { display: flex; align-items: center; gap: 4px; padding: 10px 8px 10px 16px; background: var(--accent); color: var(--ink); }
header div { flex: 1; min-width: 0; }
h2 { margin: 0; font-size: 17px; line-height: 1.3; overflow-wrap: anywhere; }
.status { margin: 0; font-size: 14px; }
.status:empty { display: none; }
header button, .tool { width: 40px; height: 40px; display: grid; place-items: center; flex: none; }
header :focus-visible { outline-color: var(--ink); outline-offset: -3px; box-shadow: none; }
.log { overflow-y: auto; overscroll-behavior: contain; padding: 16px; display: flex; flex-direction: column; gap: 10px; }
.log:focus-visible { outline-offset: -3px; box-shadow: none; }
.line { max-width: 86%; align-self: flex-start; display: flex; flex-direction: column; }
.line.person { align-self: flex-end; align-items: flex-end; }
.who, .writes, .note, .fate { margin: 0; font-size: 13px; color: var(--soft); }
.words { padding: 8px 13px; border-radius: 14px; background: var(--other); overflow-wrap: anywhere; min-height: 39px; min-width: 44px; }
.person .words { background: var(--accent); color: var(--ink); white-space: pre-wrap; }
.operator .words { border: 2px solid var(--accent); }
.words > :first-child { margin-top: 0; } .words > :last-child { margin-bottom: 0; }
.words p, .words ul, .words ol, .words pre { margin: 8px 0; }
.words p { white-space: pre-wrap; }
.words ul, .words ol { padding-inline-start: 22px; }
.words pre { overflow-x: auto; font-size: 14px; } code { font-family: ui-monospace, monospace; font-size: .93em; }
.words a { color: inherit; text-decoration: underline; }
.note { align-self: center; text-align: center; padding: 2px 10px; border: 1px solid var(--line); border-radius: 10px; }
.fate { color: var(--wrong); } .fate button { text-decoration: underline; padding: 2px 4px; }
details { font-size: 14px; color: var(--soft); margin-top: 4px; } summary { cursor: pointer; } blockquote { margin: 2px 0 6px 14px; font-style: italic; }
.writes { padding: 0 16px 6px; min-height: 25px; }
form { display: flex; align-items: flex-end; gap: 4px; padding: 10px; border-top: 1px solid var(--line); }
textarea { flex: 1; min-width: 0; max-height: 120px; resize: none; padding: 8px 12px; border: 1px solid var(--soft); border-radius: 12px; background: var(--page); field-sizing: content; }
textarea::placeholder { color: var(--soft); opacity: 1; }
.send { background: var(--accent); color: var(--ink); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 500px) { .root .panel { inset: 0; width: auto; max-width: none; height: 100dvh; border: 0; border-radius: 0; } }
@media (prefers-reduced-motion: reduce) { .panel { animation: none; } }
@media (forced-colors: active) { .launcher, .words, .send { border: 1px solid; } }`;

  const host = el('div', { id: 'colloquy-widget', lang, dir: 'ltr' });
  const root = host.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  host.style.setProperty('--accent', accent);
  host.style.setProperty('--ink', inkOn(accent));

  const badge = el('span', { class: 'badge', 'aria-hidden': 'true', hidden: true });
  const launcher = el('button', { class: 'launcher', type: 'button', 'aria-expanded': 'false', 'aria-label': say.open, onclick: () => (panel.hidden ? open() : close()) },
    icon('M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5z'), badge);
  const status = el('p', { class: 'status', role: 'status' });
  const log = el('div', { class: 'log', role: 'log', 'aria-live': 'polite', 'aria-label': say.log, tabindex: '0' });
  const writes = el('p', { class: 'writes' });
  const text = el('textarea', { id: 'text', rows: '1', maxlength: '8000', placeholder: say.ask, dir: 'auto', onkeydown: onKey });
  const picker = el('input', { type: 'file', hidden: true, tabindex: '-1', 'aria-label': say.file, onchange: onPicked });
  const attach = el('button', { class: 'tool', type: 'button', 'aria-label': say.attach, title: say.attach, hidden: true, onclick: () => picker.click() },
    icon('M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.5 3.5 0 0 1 5 5l-8.5 8.5a2 2 0 0 1-3-3L14 7'));
  const form = el('form', { onsubmit: onSubmit }, el('label', { class: 'unseen', for: 'text' }, say.ask), text, picker, attach,
    el('button', { class: 'tool send', 'aria-label': say.send, title: say.send }, icon('M4 12h15M13 6l6 6-6 6')));
  const panel = el('section', { class: 'panel', role: 'dialog', 'aria-label': title || say.chat, hidden: true, onkeydown: onPanelKey },
    el('header', {}, el('div', {}, el('h2', { dir: 'auto' }, title || say.chat), status),
      el('button', { type: 'button', 'aria-label': say.fresh, title: say.fresh, onclick: startAnew }, icon('M12 5v14M5 12h14')),
      el('button', { type: 'button', 'aria-label': say.close, title: say.close, onclick: () => close() }, icon('M6 6l12 12M18 6L6 18'))),
    log, writes, form);
  root.append(el('div', { class: side === 'left' ? 'root left' : 'root' }, launcher, panel));

  // ---- Words: paragraphs, lists, code, bold, italics and links to http(s); everything else stays as it was written.
  const INLINE = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\*([^*\s][^*\n]*)\*|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])/g;
  function inline(into, words) {
    let at = 0;
    for (const found of words.matchAll(INLINE)) {
      into.append(words.slice(at, found.index));
      const [all, code, bold, italic, label, link, bare] = found;
      if (code) into.append(el('code', {}, code));
      else if (bold) into.append(inline(el('strong'), bold));
      else if (italic) into.append(inline(el('em'), italic));
      else into.append(el('a', { href: link ?? bare, target: '_blank', rel: 'noopener noreferrer nofollow' }, label ?? bare));
      at = found.index + all.length;
    }
    into.append(words.slice(at));
    return into;
  }
  function marked(into, words) {
    let list = null, paragraph = [], code = null;
    const flush = () => {
      if (paragraph.length) into.append(inline(el('p', { dir: 'auto' }), paragraph.join('\n')));
      paragraph = [];
    };
    for (const row of words.split('\n')) {
      if (/^\s*```/.test(row)) {
        flush();
        if (code) into.append(el('pre', { tabindex: '0', dir: 'ltr' }, el('code', {}, code.join('\n'))));
        [code, list] = [code ? null : [], null];
        continue;
      }
      if (code) { code.push(row); continue; }
      const item = /^\s*(?:([-*•])|(\d+)[.)])\s+(.*)$/.exec(row);
      if (item) {
        flush();
        const kind = item[1] ? 'UL' : 'OL';
        if (list?.tagName !== kind) into.append(list = el(kind, { start: item[2], dir: 'auto' }));
        list.append(inline(el('li', { dir: 'auto' }), item[3]));
        continue;
      }
      list = null;
      const heading = /^#{1,6}\s+(.*)$/.exec(row);
      if (heading) { flush(); into.append(el('p', { dir: 'auto' }, inline(el('strong'), heading[1]))); } else if (row.trim()) paragraph.push(row);
      else flush();
    }
    flush();
    if (code) into.append(el('pre', { tabindex: '0', dir: 'ltr' }, el('code', {}, code.join('\n'))));
    return into;
  }

  // ---- Lines of the log.
  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const toEnd = () => { log.scrollTop = log.scrollHeight; };
  const WHO = { person: say.you, agent: say.agent, operator: say.operator };
  function bubble(speaker, words, file) {
    const body = el('div', { class: 'words', dir: 'auto' });
    if (file) body.append(el('span', {}, `${say.file}: ${file}`));
    if (file && words) body.append('\n');
    if (speaker === 'person') body.append(words);
    else marked(body, words);
    return el('div', { class: `line ${speaker}` }, el('p', { class: 'who' }, WHO[speaker]), body);
  }
  function add(element) {
    const follow = atEnd();
    log.append(element);
    if (follow) toEnd();
    return element;
  }
  function sources(line, citations) {
    if (!citations?.length) return;
    const all = el('details', {}, el('summary', {}, `${say.sources} (${citations.length})`));
    for (const c of citations) {
      all.append(el('div', { dir: 'auto' }, `[${c.number}] ${c.document}${c.page ? `, ${say.page} ${c.page}` : ''}`), el('blockquote', { dir: 'auto' }, c.quote));
    }
    line.append(all);
  }

  // ---- What the server tells. `shown` are lines that are there already, from here: the server's own copy is not shown again.
  let after = 0, mode = null, unread = 0, streaming = false, held = [], shown = [];
  function line(l, history) {
    if (l.position <= after) return;
    after = l.position;
    if (streaming && l.speaker === 'agent') held.push(l);
    else show(l, history);
  }
  function show(l, history) {
    if (history && l.speaker === 'person') forget(l.text);
    const known = shown.findIndex((s) => s.speaker === l.speaker && s.text === l.text && (s.file ?? null) === (l.file?.name ?? null));
    if (known >= 0) return shown.splice(known, 1)[0].accepted?.();
    add(bubble(l.speaker, l.text, l.file?.name));
    if (l.speaker !== 'person') typing(l.speaker, false);
    if (history || l.speaker === 'person') return;
    news(l.speaker, l.text);
  }
  function news(speaker, words) {
    if (!state.open) count(unread + 1);
    tell('message', { speaker, text: words });
  }
  function answeredBy(now, history) {
    if (!now || now === mode) return;
    if (mode || (now === 'operator' && !history)) add(el('p', { class: 'note' }, now === 'operator' ? say.byOperator : say.byAgent));
    if (mode) tell('mode', { mode: now });
    mode = now;
    condition();
  }
  let writing = null;
  function typing(speaker, on) {
    clearTimeout(writing);
    writes.textContent = on ? say[`${speaker}Writes`] : '';
    // Whoever went away while writing says nothing more.
    if (on) writing = setTimeout(() => typing(speaker, false), 15_000);
  }
  let connected = true, away = false;
  function condition() {
    status.textContent = away ? say.away : !connected ? say.offline : mode === 'operator' ? say.byOperator : '';
  }
  function reached(is) { connected = is; condition(); }
  function count(n) {
    unread = n;
    badge.textContent = n > 99 ? '99+' : n;
    badge.hidden = !n;
    const label = state.open ? say.close : say.open;
    launcher.setAttribute('aria-label', n ? `${label}, ${say.news(n)}` : label);
  }
  const tell = (name, detail) => window.dispatchEvent(new CustomEvent(`colloquy:${name}`, { detail }));
  function heard(name, data) {
    if (name === 'message') line(data);
    if (name === 'mode') answeredBy(data.mode);
    if (name === 'typing') typing(data.speaker, data.typing);
  }

  // ---- The connection: a WebSocket in the protocol of Socket.io, else server-sent events, else asking again and again.
  const WAYS = [bySocket, byEvents, byAsking];
  let way = 0, wait = 1_000, hangUp = null, calling = null;
  const query = () => new URLSearchParams({ channel, session: state.session, after });
  function connect() {
    clearTimeout(calling);
    hangUp?.();
    hangUp = null;
    if (!state.session || away) return;
    let over = false;
    const end = (worked) => {
      if (over) return;
      over = true;
      hangUp?.();
      hangUp = null;
      typing('agent', false);
      // What never worked here leads to the next way at once; what did is tried again.
      if (!worked && way < WAYS.length - 1 && navigator.onLine) { way += 1; calling = setTimeout(connect, 0); return; }
      if (way === WAYS.length - 1) way = 0;
      reached(false);
      calling = setTimeout(connect, wait * (0.7 + Math.random() * 0.6));
      wait = Math.min(wait * 2, 30_000);
    };
    const up = () => { wait = 1_000; reached(true); pump(); };
    const stop = WAYS[way](up, end);
    hangUp = () => { over = true; stop(); };
  }
  function bySocket(up, end) {
    const socket = new WebSocket(`${server.replace(/^http/, 'ws')}/socket.io/?EIO=4&transport=websocket`);
    let worked = false, patience = null, silence = 60_000;
    const alive = () => { clearTimeout(patience); patience = setTimeout(() => { socket.close(); end(worked); }, silence); };
    alive();
    socket.onmessage = ({ data }) => {
      alive();
      if (data[0] === '0') {
        const { pingInterval, pingTimeout } = JSON.parse(data.slice(1));
        silence = pingInterval + pingTimeout;
        socket.send(`40${JSON.stringify({ channel, session: state.session, after })}`);
      }
      if (data === '2') socket.send('3');
      if (data.startsWith('40')) { worked = true; up(); }
      if (data.startsWith('42')) heard(...JSON.parse(data.slice(2)));
      if (data.startsWith('41') || data.startsWith('44')) { socket.close(); end(worked); }
    };
    socket.onclose = () => { clearTimeout(patience); end(worked); };
    return () => { clearTimeout(patience); socket.onclose = null; socket.close(); };
  }
  function byEvents(up, end) {
    const source = new EventSource(`${server}/api/chat/events?${query()}`);
    let worked = false;
    source.onopen = () => { worked = true; up(); };
    for (const name of ['message', 'mode', 'typing']) source.addEventListener(name, (e) => heard(name, JSON.parse(e.data)));
    source.onerror = () => { source.close(); end(worked); };
    return () => source.close();
  }
  function byAsking(up, end) {
    let timer = null, over = false;
    const ask = async () => {
      if (!document.hidden) {
        try { await look(); up(); } catch { if (!over) end(true); return; }
      }
      if (!over) timer = setTimeout(ask, mode === 'operator' ? 4_000 : 10_000);
    };
    ask();
    return () => { over = true; clearTimeout(timer); };
  }
  /** Everything that is new. */
  async function look(history) {
    for (let more = true; more;) {
      const session = state.session, response = await fetch(`${server}/api/chat/messages?${query()}`, { credentials: 'omit' });
      if (response.status === 404) away = true;
      if (!response.ok) throw new Error(response.status);
      const { data } = await response.json();
      if (session !== state.session) return;
      attach.hidden = !data.files;
      data.messages.forEach((l) => line(l, history));
      answeredBy(data.mode, history);
      more = data.messages.length === 100;
    }
  }
  let begun = false, caughtUp = false;
  function begin() {
    if (begun) return;
    begun = true;
    state.session ??= unguessable();
    keep();
    catchUp();
  }
  /** First what was said before; only then what is said now. */
  async function catchUp() {
    clearTimeout(calling);
    if (caughtUp || away) return;
    try {
      await look(true);
      caughtUp = true;
      toEnd();
      connect();
      pump();
    } catch (problem) {
      if (wait === 1_000) console.warn(`Colloquy: ${server} does not answer this page (${problem.message}). Is its origin one of cors_origins, and the channel public?`);
      reached(false);
      if (outbox[0] && !outbox[0].late) fate(outbox[0], say.unsent, true);
      calling = setTimeout(catchUp, wait);
      wait = Math.min(wait * 2, 30_000);
    }
  }
  const again = () => (caughtUp ? pump() : catchUp());

  // ---- What is said, in order, each with a name of its own: sent again, it is still said once.
  let posting = false, trying = null, tries = 0;
  function queue(words, file) {
    const message = { id: unguessable(), text: words };
    const entry = { ...message, file, speaker: 'person', line: add(bubble('person', words, file?.name)) };
    toEnd();
    if (!file) { state.unsent.push(message); keep(); }
    outbox.push(entry);
    pump();
  }
  // What a page before this one could not say. What the server has already needs no second line.
  const outbox = state.unsent.map((message) => ({ ...message, speaker: 'person', late: true }));
  function forget(words) {
    const at = outbox.findIndex((entry) => entry.late && entry.text === words);
    if (at < 0) return;
    const [entry] = outbox.splice(at, 1);
    state.unsent = state.unsent.filter((m) => m.id !== entry.id);
    keep();
  }
  function fate(entry, words, passing) {
    entry.line.querySelector('.fate')?.remove();
    if (!words) return;
    const said = el('p', { class: 'fate' }, words);
    if (passing) said.append(' ', el('button', { type: 'button', onclick: again }, say.retry));
    entry.line.append(said);
    if (atEnd()) toEnd();
  }
  async function pump() {
    clearTimeout(trying);
    const entry = outbox[0];
    if (posting || !entry || !caughtUp) return;
    posting = true;
    if (entry.late) { entry.line = add(bubble('person', entry.text)); entry.late = false; toEnd(); }
    const done = () => {
      if (outbox[0] !== entry) return;
      outbox.shift();
      state.unsent = state.unsent.filter((m) => m.id !== entry.id);
      keep();
      fate(entry, '');
      [posting, tries] = [false, 0];
      pump();
    };
    if (!entry.known) {
      entry.known = { speaker: 'person', text: entry.text, file: entry.file?.name, accepted: done };
      shown.push(entry.known);
    }
    try {
      await post(entry, done);
      done();
    } catch (problem) {
      if (outbox[0] !== entry) return;
      posting = false;
      if (problem.final) {
        shown = shown.filter((s) => s !== entry.known);
        done();
        fate(entry, `${say.refused} ${problem.message}`);
        return;
      }
      fate(entry, say.unsent, true);
      trying = setTimeout(pump, problem.wait ?? Math.min(1_000 * 2 ** tries, 30_000));
      tries += 1;
    }
  }
  async function refusal(response) {
    const body = await response.json().catch(() => ({}));
    const passing = response.status >= 500 || response.status === 429;
    const wait = Number(response.headers.get('retry-after')) * 1_000 || undefined;
    return Object.assign(new Error(body.message ?? response.status), { final: !passing, wait });
  }
  async function post(entry, accepted) {
    const streams = !streaming, headers = { 'accept-language': lang };
    const about = { channel, session: state.session, message_id: entry.id, stream: streams };
    let body = new FormData();
    if (entry.file) {
      for (const [name, value] of Object.entries({ ...about, file: entry.file })) body.append(name, value);
    } else {
      headers['content-type'] = 'application/json';
      body = JSON.stringify({ ...about, message: entry.text, ...(visitor && { visitor }) });
    }
    const response = await fetch(`${server}/api/chat${entry.file ? '/files' : ''}`, { method: 'POST', credentials: 'omit', headers, body });
    if (!response.ok) throw await refusal(response);
    reached(true);
    if (streams) await stream(response, accepted);
  }
  async function* events(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    try {
      for (let rest = ''; ;) {
        const { value, done } = await reader.read();
        if (done) return;
        const parts = (rest + value).split('\n\n');
        rest = parts.pop();
        for (const part of parts) {
          const field = (name) => part.split('\n').filter((l) => l.startsWith(`${name}:`)).map((l) => l.slice(name.length + 1).trim()).join('\n');
          if (field('event')) yield { name: field('event'), data: JSON.parse(field('data') || '{}') };
        }
      }
    } finally { reader.cancel().catch(() => {}); }
  }
  /** A reply as it is written. Screen readers are told of the whole: pieces would be read one by one. */
  async function stream(response, accepted) {
    streaming = true;
    let growing = null, words = '', logged = false;
    const session = state.session;
    try {
      for await (const { name, data } of events(response)) {
        if (session !== state.session) return;
        if (name === 'session') { logged = true; accepted(); }
        if (name === 'typing' && !growing) typing('agent', true);
        if (name === 'reset') { words = ''; growing?.remove(); growing = null; }
        if (name === 'delta') {
          words += data.text;
          growing ??= add(el('div', { class: 'line agent', 'aria-live': 'off' }, el('p', { class: 'who' }, say.agent), el('div', { class: 'words', dir: 'auto' })));
          const follow = atEnd();
          growing.lastChild.replaceChildren();
          marked(growing.lastChild, words);
          if (follow) toEnd();
        }
        if (name === 'reply' && data.reply) {
          typing('agent', false);
          const whole = bubble('agent', data.reply.text);
          sources(whole, data.reply.citations);
          const follow = atEnd();
          if (growing) growing.replaceWith(whole);
          else add(whole);
          if (follow) toEnd();
          growing = null;
          shown.push({ speaker: 'agent', text: data.reply.text });
          news('agent', data.reply.text);
        }
      }
    } catch (problem) {
      // What was logged is answered, and the answer comes by the connection.
      if (!logged) throw problem;
    } finally {
      growing?.remove();
      typing('agent', false);
      streaming = false;
      held.splice(0).forEach((l) => show(l));
    }
  }

  // ---- The person before it.
  const isPhone = () => matchMedia('(max-width: 500px)').matches;
  function open(focused = true) {
    if (!panel.hidden) return;
    state.open = true;
    keep();
    panel.hidden = false;
    launcher.setAttribute('aria-expanded', 'true');
    launcher.hidden = isPhone();
    panel.setAttribute('aria-modal', String(isPhone()));
    count(0);
    begin();
    toEnd();
    if (focused) text.focus();
    tell('open');
  }
  function close() {
    if (panel.hidden) return;
    state.open = false;
    keep();
    panel.hidden = true;
    launcher.hidden = false;
    launcher.setAttribute('aria-expanded', 'false');
    count(0);
    launcher.focus();
    tell('close');
  }
  function startAnew() {
    Object.assign(state, { session: unguessable(), unsent: [] });
    keep();
    [after, mode, held, shown, posting, outbox.length] = [0, null, [], [], false, 0];
    log.replaceChildren();
    condition();
    connect();
    text.focus();
  }
  function onSubmit(event) {
    event.preventDefault();
    const words = text.value.trim();
    if (!words || away) return;
    text.value = '';
    queue(words);
  }
  function onKey(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  }
  function onPicked() {
    for (const file of picker.files) {
      if (file.size > LARGEST) fate({ line: add(bubble('person', '', file.name)) }, `${say.refused} ${say.large}`);
      else queue('', file);
    }
    picker.value = '';
  }
  function onPanelKey(event) {
    if (event.key === 'Escape') { event.stopPropagation(); close(); }
    if (event.key !== 'Tab' || panel.getAttribute('aria-modal') !== 'true') return;
    // Full-screen, nothing else can be seen: the keyboard stays here.
    const all = [...panel.querySelectorAll('button, textarea, a, summary, [tabindex="0"]')].filter((e) => e.checkVisibility());
    const [first, last] = [all[0], all.at(-1)];
    if (root.activeElement === (event.shiftKey ? first : last)) { event.preventDefault(); (event.shiftKey ? last : first).focus(); }
  }
  addEventListener('online', () => { way = 0; wait = 1_000; if (!begun) return; if (caughtUp) connect(); again(); });
  addEventListener('offline', () => { if (begun) reached(false); });

  window.Colloquy = Object.freeze({
    open: () => open(),
    close,
    /** Who it is, as the page knows: told to the team with the next message, as something that nobody verified. */
    identify({ name, email } = {}) { visitor = name || email ? { ...(name && { name: String(name) }), ...(email && { email: String(email) }) } : null; },
  });
  function mount() {
    document.body.append(host);
    // As it was on the page before; the focus is where the page wants it.
    state.open &&= !isPhone();
    if (state.open) open(false);
    else if (state.session) begin();
    tell('ready');
  }
  if (document.body) mount();
  else addEventListener('DOMContentLoaded', mount);
})();
