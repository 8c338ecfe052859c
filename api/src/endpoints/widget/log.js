// Lines of the log.
const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
const toEnd = () => { log.scrollTop = log.scrollHeight; };
let pinned = true;
log.addEventListener('scroll', () => { pinned = atEnd(); });
new ResizeObserver(() => { if (pinned) toEnd(); }).observe(log);
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

// What the server tells. `shown` are lines that are there already, from here: the server's own copy is not shown again.
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
