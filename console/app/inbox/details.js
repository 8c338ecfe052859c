// Beside a conversation: who it is, who of the team has it, its tags and notes.
import { html, useEffect, useState } from '../html.js';
import { get, patch, put, query, session } from '../api.js';
import { moment, t } from '../i18n.js';
import { knowPeople, nameOf, people } from '../people.js';
import { path } from '../router.js';
import { Avatar, Icon, IconButton, Loaded, kindName, useData } from '../ui.js';
import { called } from './list.js';

function Assigned({ thread, change }) {
  const c = thread.conversation.value;
  useEffect(knowPeople, []);
  const others = people.value.filter((p) => p.status !== 'disabled');
  const give = (to) => change(() => put(`/api/conversations/${thread.id}/assign`, { assignedTo: to || null }), t('done.assigned'));
  return html`<label class="field"><span class="legend">${t('details.assigned')}</span>
    <select value=${c.assigned_to ?? ''} onChange=${(e) => give(e.target.value)}>
      <option value="">${t('details.nobody')}</option>
      ${others.map((p) => html`<option key=${p.id} value=${p.id}>${p.id === session.value.user.id ? t('details.me', { name: p.name }) : p.name}</option>`)}
    </select>
  </label>`;
}

/** Which agent has it, or will when the person of the team gives it back. */
function Answering({ thread, change }) {
  const c = thread.conversation.value;
  const agents = useData(() => get('/api/agents?limit=100'), []);
  const able = agents.data?.agents.filter((a) => a.enabled && a.id !== c.agent) ?? [];
  const give = (to) => change(() => patch(`/api/conversations/${thread.id}`, { agent: to || null }), t('done.agent'));
  return html`<label class="field"><span class="legend">${t('details.agent')}</span>
    <select value=${c.agent} onChange=${(e) => give(e.target.value)}>
      <option value=${c.agent}>${c.agent_name}</option>
      ${able.map((a) => html`<option key=${a.id} value=${a.id}>${a.name}</option>`)}
      <option value="">${t('details.agent.usual')}</option>
    </select>
  </label>`;
}

export function Tags({ tags, onChange }) {
  const [text, setText] = useState('');
  const add = (event) => {
    event.preventDefault();
    const fresh = text.split(',').map((w) => w.trim().toLowerCase()).filter(Boolean);
    if (fresh.length) onChange([...new Set([...tags, ...fresh])]);
    setText('');
  };
  return html`<div class="field">
    <span class="legend">${t('tags')}</span>
    ${tags.length > 0 && html`<ul class="tags">${tags.map((tag) => html`<li key=${tag}>${tag}<button type="button" aria-label=${t('tags.remove', { tag })} onClick=${() => onChange(tags.filter((other) => other !== tag))}><${Icon} name="close" size=${12} /></button></li>`)}</ul>`}
    <form class="tag-form" onSubmit=${add}><input value=${text} onInput=${(e) => setText(e.target.value)} placeholder=${t('tags.add')} aria-label=${t('tags.add')} maxlength="64" /></form>
  </div>`;
}

function Notes({ thread }) {
  const notes = useData(() => get(`/api/conversations/${thread.id}/notes${query({ limit: 50 })}`), [thread.id]);
  useEffect(() => {
    thread.noted = notes.reload;
  });
  return html`<section class="stack tight" aria-label=${t('notes')}>
    <h3>${t('notes')}</h3>
    <${Loaded} of=${notes} rows=${2}>
      ${(data) => data.notes.length === 0
        ? html`<p class="soft small">${t('notes.none')}</p>`
        : html`<ul class="notes">${data.notes.map((n) => html`<li key=${n.id}><p>${n.text}</p><p class="soft">${n.author ? nameOf(n.author) : t('speaker.system')} · ${moment(n.created_at)}</p></li>`)}</ul>`}
    <//>
  </section>`;
}

export function Details({ thread, change, onClose }) {
  const c = thread.conversation.value;
  const facts = [
    ['details.channel', kindName(c.kind)],
    ...(c.journeys ?? []).filter((j) => j.state === 'under_way' && j.step).map((j) => ['details.journey', `${j.journey} · ${j.step}`]),
    ['details.address', c.peer],
    ['details.began', moment(c.created_at)],
    ['details.last', moment(c.last_inbound_at)],
    ['details.received', String(c.received)],
  ];
  return html`<aside class="details" aria-label=${t('details')}>
    <header class="row"><h2 class="grow">${t('details')}</h2><${IconButton} icon="close" label=${t('close')} onClick=${onClose} /></header>
    <div class="row"><${Avatar} name=${called(c)} size="big" /><div class="grow"><p class="title clip">${called(c)}</p>
      <a class="small" href=${path('contacts', c.contact)}>${t('details.contact')}</a></div></div>
    <dl class="facts">${facts.map(([key, value]) => html`<div key=${key + value}><dt>${t(key)}</dt><dd title=${value}>${value}</dd></div>`)}</dl>
    <${Answering} thread=${thread} change=${change} />
    <${Assigned} thread=${thread} change=${change} />
    <${Tags} tags=${c.tags} onChange=${(tags) => change(() => patch(`/api/conversations/${thread.id}`, { tags }))} />
    <${Notes} thread=${thread} />
  </aside>`;
}
