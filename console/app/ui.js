// Parts that views are made of.
import { html, signal, useEffect, useId, useRef, useState } from './html.js';
import { Failure } from './api.js';
import { named, t } from './i18n.js';
import { Icon } from './icons.js';

export { Icon };

// --- What the person is told ---

const notices = signal([]);
let nextNotice = 0;

/** A short word at the edge of the screen; it goes by itself, mistakes stay longer. */
export function notice(text, kind = 'good') {
  const id = nextNotice++;
  notices.value = [...notices.value.slice(-3), { id, text, kind }];
  setTimeout(() => dismiss(id), kind === 'bad' ? 9_000 : 4_000);
}

const dismiss = (id) => (notices.value = notices.value.filter((n) => n.id !== id));

export function Notices() {
  return html`<div class="notices" role="status" aria-live="polite">
    ${notices.value.map(
      (n) => html`<div key=${n.id} class="notice ${n.kind}">
        <${Icon} name=${n.kind === 'bad' ? 'alert' : 'check'} /><span>${n.text}</span>
        <button class="icon-button small" aria-label=${t('dismiss')} onClick=${() => dismiss(n.id)}><${Icon} name="close" size=${16} /></button>
      </div>`,
    )}
  </div>`;
}

/** What a failure says to a person. */
export function said(error) {
  if (!(error instanceof Failure)) return t('error.unknown');
  if (error.status === 0) return t('error.unreachable');
  if (error.status === 429) return t('error.busy', { seconds: error.retryAfter ?? 60 });
  const details = error.details.map((d) => `${d.field}: ${d.message}`).join(' · ');
  return details || error.message || t('error.unknown');
}

/** Does something; what goes wrong is told. Resolves to whether it was done. */
export async function attempt(act, done) {
  try {
    await act();
    if (done) notice(done);
    return true;
  } catch (error) {
    notice(said(error), 'bad');
    if (!(error instanceof Failure)) console.error(error);
    return false;
  }
}

// --- Reading ---

/**
 * What a request answers, with `reload`. `needs` are what it depends on; an answer to an older question is dropped.
 * While it is read again, the last answer stays.
 */
export function useData(read, needs) {
  const [state, set] = useState({ data: undefined, error: null });
  const round = useRef(0);
  const reload = () => {
    const mine = ++round.current;
    const fresh = (next) => mine === round.current && set((old) => ({ ...old, ...next }));
    return read().then(
      (data) => fresh({ data, error: null }),
      (error) => fresh({ error }),
    );
  };
  useEffect(() => {
    set({ data: undefined, error: null });
    reload();
    return () => void round.current++;
  }, needs);
  return { ...state, reload, change: (data) => set({ data, error: null }) };
}

/** The answer, or what is shown instead of it. */
export function Loaded({ of, rows = 4, children }) {
  if (of.data !== undefined) return children(of.data);
  if (of.error) return html`<${Trouble} error=${of.error} retry=${of.reload} />`;
  return html`<div class="skeletons" role="status" aria-label=${t('loading')}>
    ${Array.from({ length: rows }, (_, n) => html`<div key=${n} class="skeleton" />`)}
  </div>`;
}

export function Trouble({ error, retry }) {
  return html`<div class="empty" role="alert">
    <div class="empty-icon bad"><${Icon} name="alert" size=${24} /></div>
    <p class="empty-title">${t('error.title')}</p>
    <p>${said(error)}</p>
    ${retry && html`<${Button} onClick=${retry}>${t('error.retry')}<//>`}
  </div>`;
}

export function Empty({ icon, title, children }) {
  return html`<div class="empty">
    <div class="empty-icon"><${Icon} name=${icon} size=${24} /></div>
    <p class="empty-title">${title}</p>
    ${children}
  </div>`;
}

// --- Acting ---

/** A button that shows that it works until its act has ended. */
export function Button({ kind = '', icon, onClick, busy: outside = false, children, ...rest }) {
  const [busy, setBusy] = useState(false);
  const alive = useRef(true);
  useEffect(() => () => void (alive.current = false), []);
  const click = async (event) => {
    const done = onClick?.(event);
    if (!(done instanceof Promise)) return;
    setBusy(true);
    await done.finally(() => alive.current && setBusy(false));
  };
  const working = busy || outside;
  return html`<button type="button" class="button ${kind}" aria-busy=${working} ...${rest} disabled=${working || rest.disabled} onClick=${click}>
    ${working ? html`<span class="spinner" />` : icon && html`<${Icon} name=${icon} size=${18} />`}
    ${children}
  </button>`;
}

export function IconButton({ icon, label, size = 20, kind = '', ...rest }) {
  return html`<button type="button" class="icon-button ${kind}" aria-label=${label} title=${label} ...${rest}>
    <${Icon} name=${icon} size=${size} />
  </button>`;
}

/** A labelled input; `error` is what the server said of it. */
export function Field({ label, hint, error, kind = 'input', value, onInput, children, ...rest }) {
  const id = useId();
  const said = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;
  const about = { id, 'aria-describedby': said, 'aria-invalid': error ? 'true' : undefined };
  const input = (event) => onInput?.(event.target.value);
  const control = {
    input: () => html`<input ...${about} ...${rest} value=${value ?? ''} onInput=${input} />`,
    textarea: () => html`<textarea ...${about} ...${rest} value=${value ?? ''} onInput=${input} />`,
    select: () => html`<select ...${about} ...${rest} value=${value ?? ''} onChange=${input}>${children}</select>`,
  }[kind]();
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${control}
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    ${error && html`<p class="field-error" id=${`${id}-error`}>${error}</p>`}
  </div>`;
}

export function Check({ label, hint, checked, onChange, ...rest }) {
  return html`<label class="check">
    <input type="checkbox" checked=${checked} onChange=${(e) => onChange(e.target.checked)} ...${rest} />
    <span>${label}${hint && html`<small>${hint}</small>`}</span>
  </label>`;
}

/** A form that is sent once, and shows at its fields what was wrong. `onSubmit` gets nothing and may reject. */
export function Form({ onSubmit, submit, kind = 'primary', fields = [], children, extra, ...rest }) {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await onSubmit();
    } catch (failed) {
      setError(failed);
      if (!(failed instanceof Failure)) console.error(failed);
    }
    setBusy(false);
  };
  const wrong = Object.fromEntries((error?.details ?? []).map((d) => [d.field, d.message]));
  // `team[*` stands for all fields that begin so.
  const has = (f) => fields.some((name) => name === f || (name.endsWith('*') && f.startsWith(name.slice(0, -1))));
  const shown = Object.keys(wrong).length > 0 && Object.keys(wrong).every(has);
  return html`<form novalidate onSubmit=${send} ...${rest}>
    ${children(wrong)}
    ${error && !shown && html`<p class="form-error" role="alert"><${Icon} name="alert" size=${18} />${said(error)}</p>`}
    ${error && shown && html`<p class="visually-hidden" role="alert">${said(error)}</p>`}
    <div class="form-end">${extra}<${Button} type="submit" kind=${kind} busy=${busy}>${submit}<//></div>
  </form>`;
}

// --- Above the page ---

/** A dialog of the browser's own: it keeps the focus, closes on Escape, and gives the focus back. */
export function Dialog({ title, onClose, wide = false, children }) {
  const dialog = useRef(null);
  const id = useId();
  useEffect(() => {
    dialog.current.showModal();
  }, []);
  const outside = (event) => event.target === dialog.current && dialog.current.close();
  return html`<dialog ref=${dialog} class=${wide ? 'dialog wide' : 'dialog'} aria-labelledby=${id} onClose=${onClose} onMouseDown=${outside}>
    <div class="dialog-inside">
      <header class="dialog-head">
        <h2 id=${id}>${title}</h2>
        <${IconButton} icon="close" label=${t('close')} onClick=${() => dialog.current.close()} />
      </header>
      ${children(() => dialog.current?.close())}
    </div>
  </dialog>`;
}

const question = signal(null);

/** Asks before something that cannot be undone; resolves to the answer. */
export const sure = (text, act) =>
  new Promise((resolve) => (question.value = { text, act, answer: (yes) => ((question.value = null), resolve(yes)) }));

export function Question() {
  const asked = question.value;
  if (!asked) return null;
  return html`<${Dialog} title=${t('sure')} onClose=${() => question.value && asked.answer(false)}>
    ${() => html`<p>${asked.text}</p>
      <div class="form-end">
        <${Button} onClick=${() => asked.answer(false)}>${t('cancel')}<//>
        <${Button} kind="danger" onClick=${() => asked.answer(true)}>${asked.act}<//>
      </div>`}
  <//>`;
}

// --- Small things ---

export const Badge = ({ kind = '', children }) => html`<span class="badge ${kind}">${children}</span>`;

const TINTS = 6;

/** The first letters of a name, always on the same tint. */
export function Avatar({ name, size = '' }) {
  const words = (name || '?').replace(/[^\p{L}\p{N} ]/gu, '').trim().split(/\s+/);
  const letters = words.length > 1 ? words[0][0] + words.at(-1)[0] : (words[0] || '?').slice(0, 2);
  const tint = [...(name || '')].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 9973, 7) % TINTS;
  return html`<span class="avatar tint-${tint} ${size}" aria-hidden="true">${letters.toUpperCase()}</span>`;
}

export function CopyText({ text, label }) {
  const copy = () => attempt(() => navigator.clipboard.writeText(text), t('copied'));
  return html`<div class="copy">
    <code tabindex="0" aria-label=${label}>${text}</code>
    <${IconButton} icon="copy" label=${t('copy.what', { what: label })} onClick=${copy} />
  </div>`;
}

/** Tabs that are links: each has an address. */
export function Tabs({ label, tabs, current }) {
  return html`<nav class="tabs" aria-label=${label}>
    ${tabs.map(([id, name, href]) => html`<a key=${id} href=${href} aria-current=${id === current ? 'page' : undefined}>${name}</a>`)}
  </nav>`;
}

/** `back` is where one came from: address and name. */
export function Page({ title, lead, actions, back, children }) {
  useEffect(() => {
    document.title = `${title} · Colloquy`;
  }, [title]);
  return html`<div class="page">
    <header class="page-head">
      <div>${back && html`<a class="back" href=${back[0]}><${Icon} name="back" size=${16} />${back[1]}</a>`}<h1 tabindex="-1">${title}</h1>${lead && html`<p class="lead">${lead}</p>`}</div>
      ${actions && html`<div class="actions">${actions}</div>`}
    </header>
    ${children}
  </div>`;
}

export function Pager({ page, onPage }) {
  if (!page || page.totalPages <= 1) return null;
  return html`<nav class="pager" aria-label=${t('pages')}>
    <${IconButton} icon="back" label=${t('pages.previous')} disabled=${page.page <= 1} onClick=${() => onPage(page.page - 1)} />
    <span>${t('pages.of', { page: page.page, total: page.totalPages })}</span>
    <${IconButton} icon="next" label=${t('pages.next')} disabled=${page.page >= page.totalPages} onClick=${() => onPage(page.page + 1)} />
  </nav>`;
}

export const KIND_ICONS = { webchat: 'globe', telegram: 'send', whatsapp: 'chat', messenger: 'chat', instagram: 'chat', line: 'chat', twilio_sms: 'chat', twilio_whatsapp: 'chat', voice: 'phone' };
export const kindName = (kind) => named('kind', kind);
