// Documents of a base: bring some, see how far they are, take some away.
import { html, useEffect, useRef, useState } from '../html.js';
import { get, isAdmin, post, query, remove } from '../api.js';
import { bytes, t, when } from '../i18n.js';
import { gently, repeat } from '../live.js';
import { path } from '../router.js';
import { Badge, Button, Dialog, Empty, Field, Form, Icon, IconButton, Loaded, Pager, attempt, notice, sure, useData } from '../ui.js';
import { add, dropped, forgetFinished, isOver, pausedUntil, retry, uploads } from './uploads.js';

/** What the server can read; others are refused with a reason, too. */
const ACCEPTED = '.pdf,.docx,.pptx,.xlsx,.xls,.ods,.odt,.epub,.html,.htm,.eml,.txt,.md,.csv,.json,.rtf';
/** Rows of the queue that are drawn: five hundred would only be scrolled past. */
const MOST_ROWS = 60;
const LOOK_EVERY = 4_000;
const STATES = { ready: 'good', failed: 'bad', pending: '', extracting: 'info', indexing: 'info' };

export function DocumentState({ document }) {
  const unread = document.pages?.filter((p) => p.status !== 'ok').length ?? 0;
  return html`<${Badge} kind=${STATES[document.status]}>${t(`document.${document.status}`)}<//>
    ${document.status === 'ready' && unread > 0 && html`<${Badge} kind="warn">${t('document.pages.wrong', { count: unread })}<//>`}`;
}

export function DropZone({ onFiles, small }) {
  const [over, setOver] = useState(false);
  const input = useRef(null);
  const drop = async (event) => {
    event.preventDefault();
    setOver(false);
    onFiles(await dropped(event.dataTransfer));
  };
  const drag = (event) => {
    event.preventDefault();
    setOver(true);
  };
  const pick = (event) => {
    onFiles([...event.target.files]);
    event.target.value = '';
  };
  return html`<div class="drop ${over ? 'over' : ''} ${small ? 'small-drop' : ''}" onDragOver=${drag} onDragEnter=${drag} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <${Icon} name="upload" size=${26} />
    <p><strong>${t('drop.title')}</strong><br /><span class="soft small">${t('drop.kinds')}</span></p>
    <${Button} kind="primary" onClick=${() => void input.current.click()}>${t('drop.choose')}<//>
    <input class="visually-hidden" type="file" multiple accept=${ACCEPTED} ref=${input} onChange=${pick} aria-label=${t('drop.choose')} tabindex="-1" />
  </div>`;
}

function Upload({ item }) {
  const { document } = item;
  const share = item.state === 'reading' ? 0.5 + (document?.chunks ? document.indexed / document.chunks / 2 : 0) : isOver(item) ? 1 : item.size ? item.sent / item.size / 2 : 0;
  const state = item.state === 'reading' ? t(`document.${document?.status ?? 'pending'}`) : t(`upload.${item.state}`);
  return html`<li class="upload">
    <${Icon} name=${item.state === 'ready' ? 'check' : item.state === 'failed' ? 'alert' : 'file'} size=${18} />
    <div class="grow">
      <div class="row"><span class="clip grow">${item.name}</span><span class="soft small">${state}</span></div>
      ${item.state === 'failed'
        ? html`<p class="field-error">${item.error || t('error.unknown')}</p>`
        : html`<div class="progress" role="progressbar" aria-label=${item.name} aria-valuenow=${Math.round(share * 100)} aria-valuemin="0" aria-valuemax="100"><span style=${{ width: `${share * 100}%` }} /></div>`}
    </div>
    ${item.state === 'failed' && item.file && html`<${Button} kind="compact" onClick=${() => void retry(item.key)}>${t('error.retry')}<//>`}
  </li>`;
}

export function UploadQueue({ base }) {
  const mine = uploads.value.filter((u) => u.base === base);
  const [, tick] = useState(0);
  const paused = Math.ceil((pausedUntil.value - Date.now()) / 1000);
  useEffect(() => {
    if (!pausedUntil.value) return;
    const timer = setInterval(() => tick((n) => n + 1), 1_000);
    return () => clearInterval(timer);
  }, [pausedUntil.value]);
  if (!mine.length) return null;
  const ready = mine.filter((u) => u.state === 'ready').length;
  const failed = mine.filter((u) => u.state === 'failed').length;
  const over = ready + failed === mine.length;
  const rank = { failed: 0, sending: 1, reading: 2, waiting: 3, ready: 4 };
  const shown = [...mine].sort((a, b) => rank[a.state] - rank[b.state]).slice(0, MOST_ROWS);
  return html`<section class="card queue" aria-label=${t('uploads')}>
    <header class="card-head">
      <p role="status" class="grow"><strong>${over ? t('uploads.over') : t('uploads')}</strong> <span class="soft">${t('uploads.count', { ready, total: mine.length })}${failed > 0 ? ` · ${t('uploads.failed', { count: failed })}` : ''}</span></p>
      ${over && html`<${Button} kind="compact" onClick=${() => void forgetFinished()}>${t('uploads.clear')}<//>`}
    </header>
    ${paused > 0 && html`<p class="banner"><${Icon} name="clock" size=${18} />${t('uploads.paused', { seconds: paused })}</p>`}
    <ul>${shown.map((item) => html`<${Upload} key=${item.key} item=${item} />`)}</ul>
    ${mine.length > MOST_ROWS && html`<p class="soft small">${t('uploads.more', { count: mine.length - MOST_ROWS })}</p>`}
  </section>`;
}

function WebDialog({ base, onClose, onDone }) {
  const [url, setUrl] = useState('');
  const [all, setAll] = useState('url');
  const read = async () => {
    await post('/api/documents', { kb: base, [all]: url });
    notice(t('web.begun'));
    onDone();
  };
  return html`<${Dialog} title=${t('web.title')} onClose=${onClose}>
    ${(close) => html`<${Form} submit=${t('web.submit')} fields=${['url']} onSubmit=${() => read().then(close)}>
      ${(wrong) => html`<${Field} label=${t('web.what')} kind="select" value=${all} onInput=${setAll}><option value="url">${t('web.page')}</option><option value="sitemap">${t('web.sitemap')}</option><//>
        <${Field} label=${t('web.url')} type="url" required autofocus placeholder="https://" value=${url} onInput=${setUrl} error=${wrong.url} />`}
    <//>`}
  <//>`;
}

function Row({ document, onChange }) {
  const drop = async () => {
    if (!(await sure(t('document.remove.sure', { name: document.name }), t('remove')))) return;
    await attempt(() => remove(`/api/documents/${document.id}`).then(onChange), t('done.removed'));
  };
  return html`<li>
    <span class="tile"><${Icon} name="file" /></span>
    <div class="grow">
      <a class="title" href=${path('knowledge', 'documents', document.id)}>${document.name}</a>
      <p class="soft small">${[bytes(document.bytes), document.page_count > 0 && t('document.pages', { count: document.page_count }), document.chunks > 0 && t('document.chunks', { count: document.chunks }), when(document.created_at)].filter(Boolean).join(' · ')}</p>
      ${document.cause && html`<p class="field-error">${document.cause.message}</p>`}
    </div>
    <${DocumentState} document=${document} />
    ${isAdmin.value && html`<${IconButton} icon="trash" size=${18} label=${t('document.remove', { name: document.name })} onClick=${drop} />`}
  </li>`;
}

export function Documents({ base, onChange }) {
  const [page, setPage] = useState(1);
  const [web, setWeb] = useState(false);
  const documents = useData(() => get(`/api/documents${query({ kb: base.name, page, limit: 20 })}`), [base.id, page]);
  const ready = uploads.value.filter((u) => u.base === base.name && isOver(u)).length;
  const known = uploads.value.filter((u) => u.base === base.name && u.document).length;
  const changed = () => Promise.all([documents.reload(), onChange()]);
  const latest = useRef(changed);
  latest.current = changed;
  const gentle = useRef(null);
  gentle.current ??= gently(1_500, () => latest.current());
  useEffect(() => {
    if (known) gentle.current();
  }, [ready, known]);
  const busy = documents.data?.documents.some((d) => !['ready', 'failed'].includes(d.status));
  useEffect(() => (busy ? repeat(LOOK_EVERY, gentle.current) : undefined), [busy]);
  return html`<div class="stack">
    ${isAdmin.value && html`<${DropZone} onFiles=${(files) => add(files, base.name)} />`}
    <${UploadQueue} base=${base.name} />
    <section class="card" aria-label=${t('knowledge.documents')}>
      <${Loaded} of=${documents}>
        ${(data) => data.documents.length === 0
          ? html`<${Empty} icon="file" title=${t('documents.none')}><p>${t('documents.none.hint')}</p><//>`
          : html`<ul class="list">${data.documents.map((d) => html`<${Row} key=${d.id} document=${d} onChange=${changed} />`)}</ul><${Pager} page=${data.pagination} onPage=${setPage} />`}
      <//>
    </section>
    ${isAdmin.value && html`<p><${Button} kind="plain" icon="link" onClick=${() => setWeb(true)}>${t('web.open')}<//></p>`}
    ${web && html`<${WebDialog} base=${base.name} onClose=${() => setWeb(false)} onDone=${changed} />`}
  </div>`;
}
