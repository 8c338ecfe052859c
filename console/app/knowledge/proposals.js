// Changes that are tried on real questions first: what would be answered otherwise, before anybody is told.
import { html, useEffect, useState } from '../html.js';
import { get, isAdmin, post, query, remove, upload } from '../api.js';
import { repeat } from '../live.js';
import { moment, t } from '../i18n.js';
import { go, path, route } from '../router.js';
import { Badge, Button, Empty, Icon, Loaded, Pager, attempt, notice, sure, useData } from '../ui.js';
import { Cited } from '../inbox/line.js';
import { DocumentState, DropZone } from './documents.js';

const LOOK_EVERY = 4_000;
export const STATES = { building: 'info', reviewing: 'info', ready: 'accent', promoted: 'good', dropped: '' };
const CHANGES = { same: '', sources: 'info', text: 'warn', answered: 'good', unanswered: 'bad' };
export const isOpen = (state) => ['building', 'reviewing', 'ready'].includes(state);

function Side({ title, said }) {
  return html`<div class="side-by"><h4>${title}${said.abstained && html` <${Badge} kind="warn">${t('abstained')}<//>`}</h4><${Cited} text=${said.text || '–'} citations=${said.citations} />${said.calls.map((c, n) => html`<p key=${n} class="small"><${Badge}>${c.tool}<//> <code>${c.arguments}</code></p>`)}</div>`;
}

/** The answers of what is proposed at the address `of`. */
export function Answers({ of }) {
  const [page, setPage] = useState(1);
  const [changed, setChanged] = useState(true);
  const answers = useData(() => get(`${of}/answers${query({ changed, page, limit: 10 })}`), [of, page, changed]);
  return html`<section class="stack" aria-label=${t('proposal.answers')}>
    <div class="row"><h3 class="grow">${t('proposal.answers')}</h3>
      <${Button} kind="compact" aria-pressed=${changed} onClick=${() => void (setChanged(!changed), setPage(1))}>${changed ? t('proposal.all') : t('proposal.changed')}<//></div>
    <${Loaded} of=${answers}>
      ${(data) => data.answers.length === 0
        ? html`<p class="soft">${t('proposal.answers.none')}</p>`
        : html`<ul class="stack">${data.answers.map((a, n) => html`<li key=${n} class="card padded">
            <div class="card-head"><h3>${a.question}</h3><${Badge} kind=${CHANGES[a.change]}>${t(`change.${a.change}`)}<//></div>
            <div class="before-after"><${Side} title=${t('proposal.before')} said=${a.before} /><${Side} title=${t('proposal.after')} said=${a.after} /></div></li>`)}</ul>
          <${Pager} page=${data.pagination} onPage=${setPage} />`}
    <//>
  </section>`;
}

function Proposal({ id, base, onChange }) {
  const shown = useData(() => get(`/api/proposals/${id}`), [id]);
  const state = shown.data?.proposal.state;
  useEffect(() => (['building', 'reviewing'].includes(state) ? repeat(LOOK_EVERY, shown.reload) : undefined), [state]);
  const again = () => Promise.all([shown.reload(), onChange()]);
  const promote = () => attempt(() => post(`/api/proposals/${id}/promote`).then(again), t('done.promoted'));
  const drop = async () => {
    if (await sure(t('proposal.drop.sure'), t('proposal.drop'))) await attempt(() => remove(`/api/proposals/${id}`).then(again), t('done.dropped'));
  };
  return html`<div class="stack">
    <p><a class="back" href=${path('knowledge', base.id, 'proposals')}><${Icon} name="back" size=${16} />${t('proposals.back')}</a></p>
    <${Loaded} of=${shown}>
      ${({ proposal, documents, asked, changed }) => html`
        <section class="card padded">
          <div class="card-head"><h3>${t('proposal.of', { date: moment(proposal.created_at) })}</h3><${Badge} kind=${STATES[proposal.state]}>${t(`proposal.${proposal.state}`)}<//></div>
          <p>${t('proposal.figures', { asked, changed })}</p>
          <ul class="stack tight">${documents.map((d) => html`<li key=${d.id} class="row"><${Icon} name="file" size=${18} /><span class="grow clip">${d.name}</span>${d.replaces && html`<${Badge}>${t('proposal.replaces')}<//>`}<${DocumentState} document=${d} /></li>`)}</ul>
          ${isAdmin.value && isOpen(proposal.state) && html`<div class="form-end">
            <${Button} kind="danger" onClick=${drop}>${t('proposal.drop')}<//>
            <${Button} kind="primary" disabled=${proposal.state !== 'ready'} onClick=${promote}>${t('proposal.promote')}<//></div>`}
        </section>
        <${Answers} key=${`${id}${proposal.state}${asked}`} of=${`/api/proposals/${id}`} />`}
    <//>
  </div>`;
}

export function Proposals({ base }) {
  const id = route.value.parts[3];
  const proposals = useData(() => get(`/api/knowledge-bases/${base.id}/proposals?limit=50`), [base.id]);
  if (id) return html`<${Proposal} key=${id} id=${id} base=${base} onChange=${proposals.reload} />`;
  const propose = (files) =>
    attempt(async () => {
      const form = new FormData();
      files.forEach((file) => form.append('file', file, file.name));
      const made = await upload(`/api/knowledge-bases/${base.id}/proposals`, form, () => {});
      notice(t('proposal.begun'));
      go(path('knowledge', base.id, 'proposals', made.proposal.id));
    });
  return html`<div class="stack">
    <p class="soft">${t('proposals.lead')}</p>
    ${isAdmin.value && html`<${DropZone} onFiles=${propose} />`}
    <section class="card" aria-label=${t('knowledge.proposals')}>
      <${Loaded} of=${proposals}>
        ${(data) => data.proposals.length === 0
          ? html`<${Empty} icon="note" title=${t('proposals.none')}><p>${t('proposals.none.hint')}</p><//>`
          : html`<ul class="list">${data.proposals.map((p) => html`<li key=${p.id}><span class="tile"><${Icon} name="note" /></span>
              <a class="title grow" href=${path('knowledge', base.id, 'proposals', p.id)}>${t('proposal.of', { date: moment(p.created_at) })}</a><${Badge} kind=${STATES[p.state]}>${t(`proposal.${p.state}`)}<//></li>`)}</ul>`}
      <//>
    </section>
  </div>`;
}
