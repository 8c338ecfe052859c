// Agents: who they are, what they know, and how they would answer right now.
import { html, useState } from '../html.js';
import { get, isAdmin, post } from '../api.js';
import { t } from '../i18n.js';
import { go, path, route } from '../router.js';
import { Badge, Dialog, Empty, Field, Form, Icon, Loaded, Page, useData } from '../ui.js';
import { Agent } from './agent.js';

function NewAgent({ onClose, onMade }) {
  const [name, setName] = useState('');
  const make = async () => {
    const bases = await get('/api/knowledge-bases?limit=100');
    const knowledge = bases.knowledge_bases.filter((b) => b.name === 'default').map((b) => b.name);
    onMade(await post('/api/agents', { name, knowledge }));
  };
  return html`<${Dialog} title=${t('agent.new')} onClose=${onClose}>
    ${(close) => html`<${Form} submit=${t('create')} fields=${['name']} onSubmit=${() => make().then(close)}>
      ${(wrong) => html`<${Field} label=${t('name')} hint=${t('agent.name.hint')} autofocus required value=${name} onInput=${setName} error=${wrong.name} />`}
    <//>`}
  <//>`;
}

export function Agents() {
  const [, id, view, draft] = route.value.parts;
  const agents = useData(() => get('/api/agents?limit=100'), []);
  const [dialog, setDialog] = useState(false);
  const made = async (agent) => {
    await agents.reload();
    go(path('agents', agent.id));
  };
  const named = agents.data?.agents.find((a) => a.id === id)?.name;
  if (id) return html`<${Agent} key=${id} id=${id} view=${view} draft=${draft} name=${named} onChange=${agents.reload} />`;
  const act = isAdmin.value && html`<button type="button" class="button primary" onClick=${() => setDialog(true)}><${Icon} name="plus" size=${18} />${t('agent.new')}</button>`;
  return html`<${Page} title=${t('nav.agents')} lead=${t('agents.lead')} actions=${act}>
    <${Loaded} of=${agents}>
      ${(data) => data.agents.length === 0
        ? html`<div class="card"><${Empty} icon="spark" title=${t('agents.none')}><p>${t('agents.none.hint')}</p><//></div>`
        : html`<ul class="cards">${data.agents.map((a) => html`<li key=${a.id}><a class="card agent-card" href=${path('agents', a.id)}>
            <span class="row"><span class="tile"><${Icon} name="spark" /></span><span class="grow"><span class="title clip">${a.name}</span><span class="soft small clip">${a.model.model || t(`provider.${a.model.provider}`)} · ${t(`language.${a.language}`)}</span></span>
              ${!a.enabled && html`<${Badge} kind="warn">${t('off')}<//>`}</span>
            <span class="soft clamp">${a.instructions || t('agent.no.instructions')}</span>
            <span class="row wrap">${a.knowledge.length ? a.knowledge.map((k) => html`<${Badge} key=${k} kind="accent">${k}<//>`) : html`<${Badge} kind="warn">${t('agent.no.knowledge')}<//>`}</span>
          </a></li>`)}</ul>`}
    <//>
    ${dialog && html`<${NewAgent} onClose=${() => setDialog(false)} onMade=${made} />`}
  <//>`;
}
