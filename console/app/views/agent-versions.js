// What an agent was, what was changed each time, and the way back; and versions that are tried on what people asked.
import { html, useEffect, useState } from '../html.js';
import { get, isAdmin, post, remove } from '../api.js';
import { repeat } from '../live.js';
import { moment, t } from '../i18n.js';
import { Answers, STATES, isOpen } from '../knowledge/proposals.js';
import { knowPeople, nameOf } from '../people.js';
import { go, path } from '../router.js';
import { Badge, Button, Empty, Icon, Loaded, Page, Pager, attempt, notice, sure, useData } from '../ui.js';

const LOOK_EVERY = 3_000;

const author = ({ kind, id }) => (kind === 'user' ? nameOf(id) : t(`audit.${kind}`));
const shown = (value) => (value === null || value === '' ? '–' : Array.isArray(value) ? value.join(', ') || '–' : String(value));
/** A field as the form names it. */
const label = (field) => {
  const key = `agent.${field.replace('model.', '')}`;
  const text = t(key);
  return text === key ? field : text;
};

export function Changes({ changes }) {
  if (changes.length === 0) return html`<p class="soft">${t('version.same')}</p>`;
  return html`<ul class="stack tight">${changes.map((c) => html`<li key=${c.field}><strong>${label(c.field)}</strong>
    <div class="before-after"><p class="side-by words">${shown(c.before)}</p><p class="side-by words">${shown(c.after)}</p></div></li>`)}</ul>`;
}

/** Has another version tried on what people asked, and shows it. */
export const tryOut = (agent, request) =>
  attempt(async () => {
    const made = await post(`/api/agents/${agent}/drafts`, request);
    notice(t('proposal.begun'));
    go(path('agents', agent, 'drafts', made.draft.id));
  });

function Version({ agent, line, newest, onRestored }) {
  const [open, setOpen] = useState(false);
  const found = useData(() => (open ? get(`/api/agents/${agent}/versions/${line.version}`) : Promise.resolve(null)), [agent, line.version, open]);
  const restore = async () => {
    if (!(await sure(t('version.restore.sure', { version: line.version }), t('version.restore')))) return;
    await attempt(() => post(`/api/agents/${agent}/versions/${line.version}/restore`).then(onRestored), t('version.restored'));
  };
  return html`<li class="version"><details onToggle=${(e) => setOpen(e.currentTarget.open)}>
    <summary class="row"><span class="title">${t('version.of', { version: line.version })}</span>${newest && html`<${Badge} kind="good">${t('version.now')}<//>`}${line.restores && html`<${Badge}>${t('version.restores', { version: line.restores })}<//>`}<span class="grow soft small clip">${moment(line.created_at)} · ${author(line.author)}</span></summary>
    ${open && html`<${Loaded} of=${found} rows=${2}>${(data) => data && html`<div class="stack">
      ${data.against ? html`<${Changes} changes=${data.changes} />` : html`<p class="soft">${t('version.first')}</p>`}
      ${isAdmin.value && !newest && html`<div class="form-end"><${Button} onClick=${() => tryOut(agent, { version: line.version })}>${t('version.try')}<//><${Button} kind="primary" onClick=${restore}>${t('version.restore')}<//></div>`}
    </div>`}<//>`}
  </details></li>`;
}

export function AgentVersions({ id, name, onChange }) {
  const [page, setPage] = useState(1);
  const versions = useData(() => get(`/api/agents/${id}/versions?page=${page}&limit=20`), [id, page]);
  const drafts = useData(() => get(`/api/agents/${id}/drafts?limit=10`), [id]);
  useEffect(knowPeople, []);
  const again = () => Promise.all([versions.reload(), onChange()]);
  return html`<${Page} title=${t('versions')} lead=${t('versions.lead')} back=${[path('agents', id), name]}>
    <section class="card"><${Loaded} of=${versions}>
      ${(data) => html`<ul class="list">${data.versions.map((line, n) => html`<${Version} key=${line.version} agent=${id} line=${line} newest=${page === 1 && n === 0} onRestored=${again} />`)}</ul><${Pager} page=${data.pagination} onPage=${setPage} />`}
    <//></section>
    <h2>${t('drafts')}</h2>
    <section class="card" aria-label=${t('drafts')}><${Loaded} of=${drafts}>
      ${(data) => data.drafts.length === 0
        ? html`<${Empty} icon="note" title=${t('drafts.none')}><p>${t('drafts.none.hint')}</p><//>`
        : html`<ul class="list">${data.drafts.map((d) => html`<li key=${d.id}><span class="tile"><${Icon} name="note" /></span><a class="title grow" href=${path('agents', id, 'drafts', d.id)}>${t('draft.of', { date: moment(d.created_at) })}</a><${Badge} kind=${STATES[d.state]}>${t(`proposal.${d.state}`)}<//></li>`)}</ul>`}
    <//></section>
  <//>`;
}

export function AgentDraft({ id, draft, onChange }) {
  const url = `/api/agents/${id}/drafts/${draft}`;
  const found = useData(() => get(url), [url]);
  const state = found.data?.draft.state;
  useEffect(() => (state === 'reviewing' ? repeat(LOOK_EVERY, found.reload) : undefined), [state]);
  const promote = () => attempt(() => post(`${url}/promote`).then(() => Promise.all([found.reload(), onChange()])), t('done.promoted'));
  const drop = async () => {
    if (await sure(t('draft.drop.sure'), t('proposal.drop'))) await attempt(() => remove(url).then(found.reload), t('done.dropped'));
  };
  return html`<${Page} title=${t('draft')} lead=${t('draft.lead')} back=${[path('agents', id, 'versions'), t('versions')]}>
    <${Loaded} of=${found}>
      ${({ draft: about, changes, asked, changed }) => html`<div class="stack">
        <section class="card padded">
          <div class="card-head"><h2>${t('draft.of', { date: moment(about.created_at) })}</h2><${Badge} kind=${STATES[about.state]}>${t(`proposal.${about.state}`)}<//></div>
          <p>${t('proposal.figures', { asked, changed })}</p>
          <${Changes} changes=${changes} />
          ${isAdmin.value && isOpen(about.state) && html`<div class="form-end"><${Button} kind="danger" onClick=${drop}>${t('proposal.drop')}<//><${Button} kind="primary" disabled=${about.state !== 'ready'} onClick=${promote}>${t('proposal.promote')}<//></div>`}
        </section>
        <${Answers} key=${`${about.state}${asked}`} of=${url} />
      </div>`}
    <//>
  <//>`;
}
