// What is kept of this channel, in this browser or, where it refuses, for as long as the page is there.
const key = `colloquy.widget.${channel}`;
const state = { session: null, open: false, unsent: [] };
try { Object.assign(state, JSON.parse(localStorage.getItem(key) ?? '{}')); } catch { /* Refused, or not ours. */ }
const keep = () => { try { localStorage.setItem(key, JSON.stringify(state)); } catch { /* Refused. */ } };
const unguessable = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
let visitor = null;

// Elements.
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

// Colours: on the page's own, black or white, whichever is easier to read; one of them always is.
const accent = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.test(color ?? '') ? color : '#0b57d0';
function inkOn(background) {
  const digits = background.length === 4 ? background.replace(/[^#]/g, '$&$&') : background;
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(digits.slice(at, at + 2), 16) / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#000' : '#fff';
}

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
const panel = el('section', { class: 'panel', role: isPage ? 'main' : 'dialog', 'aria-label': title || say.chat, hidden: true, onkeydown: onPanelKey },
  el('header', {}, el('div', {}, el('h2', { dir: 'auto' }, title || say.chat), status),
    el('button', { type: 'button', 'aria-label': say.fresh, title: say.fresh, onclick: startAnew }, icon('M12 5v14M5 12h14')),
    isPage ? '' : el('button', { type: 'button', 'aria-label': say.close, title: say.close, onclick: () => close() }, icon('M6 6l12 12M18 6L6 18'))),
  log, writes, form);
root.append(el('div', { class: isPage ? 'root page' : side === 'left' ? 'root left' : 'root' }, isPage ? '' : launcher, panel));
