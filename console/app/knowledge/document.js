// One document: how it was read, page by page, and who was told something from it.
import { html, useEffect, useState } from '../html.js';
import { get, isAdmin, post, query, remove } from '../api.js';
import { bytes, moment, number, t } from '../i18n.js';
import { repeat } from '../live.js';
import { go, path } from '../router.js';
import { Badge, Button, Empty, Icon, Loaded, Page, Pager, attempt, sure, useData } from '../ui.js';
import { DocumentState } from './documents.js';

const LOOK_EVERY = 2_500;
const WRONG = { no_text_layer: 'warn', suspect: 'warn', failed: 'bad' };

function Pages({ pages }) {
  const wrong = pages.filter((p) => p.status !== 'ok');
  if (!wrong.length) return null;
  return html`<section class="card padded" aria-label=${t('document.problems')}>
    <h2>${t('document.problems')}</h2>
    <ul class="stack tight">${wrong.map((p) => html`<li key=${p.number} class="row"><${Badge} kind=${WRONG[p.status]}>${t('page', { page: p.number })}<//><span>${t(`page.${p.status}`)}</span></li>`)}</ul>
  </section>`;
}

/** What it was cut into: what agents read of it, and nothing else. */
function Passages({ id }) {
  const [page, setPage] = useState(1);
  const found = useData(() => get(`/api/documents/${id}/passages${query({ page, limit: 10 })}`), [id, page]);
  return html`<section class="card padded" aria-label=${t('document.passages')}>
    <h2>${t('document.passages')}</h2><p class="soft">${t('document.passages.lead')}</p>
    <${Loaded} of=${found}>
      ${(data) => html`<ol class="passages">${data.passages.map((p) => html`<li key=${p.offset} class="passage">
          <p class="soft small">${[...p.headings, p.page && t('page', { page: p.page })].filter(Boolean).join(' › ')}</p><p class="passage-text">${p.text}</p></li>`)}</ol><${Pager} page=${data.pagination} onPage=${setPage} />`}
    <//>
  </section>`;
}

function Told({ id }) {
  const [page, setPage] = useState(1);
  const answers = useData(() => get(`/api/documents/${id}/answers${query({ page, limit: 10 })}`), [id, page]);
  return html`<section class="card" aria-label=${t('document.told')}>
    <h2 class="inset">${t('document.told')}</h2>
    <${Loaded} of=${answers}>
      ${(data) => data.answers.length === 0
        ? html`<${Empty} icon="chat" title=${t('document.told.none')}><p>${t('document.told.none.hint')}</p><//>`
        : html`<ul class="list">${data.answers.map((a) => html`<li key=${`${a.message}${a.citation}`}><div class="grow"><a class="title" href=${path('inbox', a.conversation)}>${a.text}</a>
            <p class="soft small">« ${a.quote} » · ${moment(a.at)}</p></div></li>`)}</ul><${Pager} page=${data.pagination} onPage=${setPage} />`}
    <//>
  </section>`;
}

export function DocumentView({ id }) {
  const document = useData(() => get(`/api/documents/${id}`), [id]);
  const status = document.data?.status;
  useEffect(() => (status && !['ready', 'failed'].includes(status) ? repeat(LOOK_EVERY, document.reload) : undefined), [status]);
  const again = () => attempt(() => post(`/api/documents/${id}/process`).then(document.reload), t('done.again'));
  const drop = async () => {
    if (!(await sure(t('document.remove.sure', { name: document.data.name }), t('remove')))) return;
    await attempt(() => remove(`/api/documents/${id}`).then(() => go(path('knowledge'))), t('done.removed'));
  };
  const acts = isAdmin.value && html`<${Button} icon="reopen" onClick=${again}>${t('document.again')}<//><${Button} kind="danger" icon="trash" onClick=${drop}>${t('remove')}<//>`;
  return html`<${Page} title=${document.data?.name ?? t('document')} actions=${document.data && acts} back=${[path('knowledge'), t('nav.knowledge')]}>
    <${Loaded} of=${document}>
      ${(d) => html`
        <section class="card padded">
          <div class="row wrap"><${DocumentState} document=${d} />${d.language && html`<${Badge}>${t(`language.${d.language}`)}<//>`}${d.status === 'ready' && !d.embedded && html`<${Badge} kind="warn">${t('document.words')}<//>`}</div>
          ${d.cause && html`<p class="form-error"><${Icon} name="alert" size=${18} />${d.cause.message}</p>`}
          <dl class="facts wide">
            ${[['document.base', d.kb], ['document.size', bytes(d.bytes)], ['document.page.count', d.page_count ? number(d.page_count) : '–'], ['document.passages', number(d.chunks)], ['document.added', moment(d.created_at)], ['document.took', t('seconds', { seconds: number(d.seconds, { maximumFractionDigits: 1 }) })]].map(
              ([key, value]) => html`<div key=${key}><dt>${t(key)}</dt><dd>${value}</dd></div>`,
            )}
          </dl>
        </section>
        <${Pages} pages=${d.pages ?? []} />
        ${d.status === 'ready' && html`<${Passages} key=${d.finished_at} id=${id} />`}
        <${Told} id=${id} />`}
    <//>
  <//>`;
}
