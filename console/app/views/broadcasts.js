// One approved template to many people: drafted, started, watched, paused.
import { html, useEffect, useState } from '../html.js';
import { get, isAdmin, post, query, remove } from '../api.js';
import { moment, t } from '../i18n.js';
import { Badge, Button, Dialog, Empty, Field, Form, Loaded, Page, Pager, attempt, kindName, sure, useData } from '../ui.js';
import { approved, hasTemplates } from '../inbox/template-form.js';

const STATES = { draft: '', scheduled: 'info', running: 'info', paused: 'warn', done: 'good', cancelled: 'bad' };
/** How often a broadcast that is under way is looked at. */
const LOOK_EVERY = 3000;
/** What can be done, and while what. */
const ACTS = { start: ['draft'], pause: ['scheduled', 'running'], resume: ['paused'], cancel: ['scheduled', 'running', 'paused'] };
const PLACES = ['waiting', 'queued', 'sent', 'delivered', 'read', 'uncertain', 'failed', 'cancelled'];

const places = (counts) => [
  ...PLACES.filter((place) => counts[place] > 0).map((place) => t(`broadcast.count.${place}`, { count: counts[place] })),
  ...Object.entries(counts.skipped).map(([reason, count]) => t('broadcast.count.skipped', { count, reason })),
];

function Broadcast({ broadcast, onChange }) {
  const { id, name, state, counts, reason, startAt } = broadcast;
  const act = async (what) => {
    if (what !== 'pause' && !(await sure(t(`broadcast.${what}.sure`, { name }), t(`broadcast.${what}`)))) return;
    await attempt(() => post(`/api/broadcasts/${id}/${what}`, {}).then(onChange));
  };
  const drop = () => attempt(() => remove(`/api/broadcasts/${id}`).then(onChange), t('done.removed'));
  return html`<li>
    <div class="grow"><p class="title">${name}</p><p class="soft small">${[broadcast.template.name, startAt && moment(startAt), ...places(counts)].filter(Boolean).join(' · ')}</p>
      ${reason && html`<p class="soft small">${t('broadcast.waits', { reason })}</p>`}</div>
    <${Badge} kind=${STATES[state]}>${t(`broadcast.state.${state}`)}<//>
    ${isAdmin.value && html`<span class="row wrap">${Object.keys(ACTS).filter((what) => ACTS[what].includes(state)).map((what) => html`<${Button} key=${what} kind="compact" onClick=${() => act(what)}>${t(`broadcast.${what}`)}<//>`)}
      ${['draft', 'done', 'cancelled'].includes(state) && html`<${Button} kind="compact" icon="trash" onClick=${drop}>${t('remove')}<//>`}</span>`}
  </li>`;
}

function NewBroadcast({ channels, onClose, onMade }) {
  const [values, setValues] = useState({ channelId: channels[0]?.id, to: 'consented', name: '', parameters: '', tag: '' });
  const templates = useData(() => approved(values.channelId), [values.channelId]);
  const set = (more) => setValues((old) => ({ ...old, ...more }));
  const make = async () => {
    const parameters = values.parameters.split('\n').map((line) => line.trim()).filter(Boolean);
    const [name, language] = (values.template ?? '').split('|');
    const audience = values.to === 'tag' ? { tag: values.tag } : { consented: true };
    onMade(await post('/api/broadcasts', { name: values.name, channelId: values.channelId, template: { name, language, parameters }, audience }));
  };
  const fields = ['name', 'channelId', 'template.name', 'template.parameters', 'audience.tag'];
  return html`<${Dialog} title=${t('broadcast.new')} onClose=${onClose}>
    ${(close) => html`<${Form} submit=${t('create')} fields=${fields} onSubmit=${() => make().then(close)}>
      ${(wrong) => html`<${Field} label=${t('name')} required autofocus value=${values.name} onInput=${(name) => set({ name })} error=${wrong.name} />
        <${Field} label=${t('broadcast.channel')} kind="select" value=${values.channelId} onInput=${(channelId) => set({ channelId, template: undefined })} error=${wrong.channelId}>${channels.map((c) => html`<option key=${c.id} value=${c.id}>${c.name} · ${kindName(c.kind)}</option>`)}<//>
        <${Loaded} of=${templates} rows=${1}>${(data) => html`<${Field} label=${t('broadcast.template')} kind="select" required value=${values.template ?? ''} onInput=${(template) => set({ template })} error=${wrong['template.name']}><option value="">${t('template.choose')}</option>${data.templates.map((one) => html`<option key=${one.id} value=${`${one.name}|${one.language}`}>${one.name} · ${one.language}</option>`)}<//>`}<//>
        <${Field} label=${t('broadcast.parameters')} hint=${t('broadcast.parameters.hint', { name: '{{name|…}}', attribute: '{{attributes.…}}' })} kind="textarea" rows="3" value=${values.parameters} onInput=${(parameters) => set({ parameters })} error=${wrong['template.parameters']} />
        <${Field} label=${t('broadcast.to')} kind="select" value=${values.to} onInput=${(to) => set({ to })}><option value="consented">${t('broadcast.to.consented')}</option><option value="tag">${t('broadcast.to.tag')}</option><//>
        ${values.to === 'tag' && html`<${Field} label=${t('broadcast.tag')} required value=${values.tag} onInput=${(tag) => set({ tag })} error=${wrong['audience.tag']} />`}`}<//>`}
  <//>`;
}

export function Broadcasts() {
  const [page, setPage] = useState(1);
  const [open, setOpen] = useState(false);
  const broadcasts = useData(() => get(`/api/broadcasts${query({ page, limit: 20 })}`), [page]);
  const channels = useData(() => get('/api/channels?limit=100'), []);
  const moving = broadcasts.data?.broadcasts.some((b) => ['scheduled', 'running'].includes(b.state));
  useEffect(() => {
    if (!moving) return;
    const look = setTimeout(broadcasts.reload, LOOK_EVERY);
    return () => clearTimeout(look);
  }, [moving, broadcasts.data]);
  const able = (channels.data?.channels ?? []).filter((c) => hasTemplates(c));
  const acts = isAdmin.value && able.length > 0 && html`<${Button} kind="primary" icon="plus" onClick=${() => void setOpen(true)}>${t('broadcast.new')}<//>`;
  return html`<${Page} title=${t('nav.broadcasts')} lead=${t('broadcast.lead')} actions=${acts}>
    <section class="card" aria-label=${t('nav.broadcasts')}><${Loaded} of=${broadcasts}>${(data) => data.broadcasts.length === 0
      ? html`<${Empty} icon="send" title=${t('broadcast.none')}><p>${t('broadcast.none.hint')}</p><//>`
      : html`<ul class="list">${data.broadcasts.map((b) => html`<${Broadcast} key=${b.id} broadcast=${b} onChange=${broadcasts.reload} />`)}</ul><${Pager} page=${data.pagination} onPage=${setPage} />`}<//></section>
    ${open && html`<${NewBroadcast} channels=${able} onClose=${() => setOpen(false)} onMade=${broadcasts.reload} />`}
  <//>`;
}
