// From nothing to a bot that answers: four steps, each of which can be done here.
import { html, useEffect, useState } from '../html.js';
import { get, isAdmin, post } from '../api.js';
import { t } from '../i18n.js';
import { go, path } from '../router.js';
import { gently, hear, repeat } from '../live.js';
import { Button, Field, Form, Icon, Loaded, Page, attempt, useData } from '../ui.js';
import { DropZone, UploadQueue } from '../knowledge/documents.js';
import { add } from '../knowledge/uploads.js';
import { chatPage } from './channels.js';
import { TestChat } from './test-chat.js';

const BASE = 'default';
/** Four questions to the server each time. */
const LOOK_EVERY = 8_000;

async function readState() {
  const [documents, agents, channels, conversations] = await Promise.all([
    get('/api/documents?limit=1'), get('/api/agents?limit=100'), get('/api/channels?limit=100'), get('/api/conversations?limit=1'),
  ]);
  const knows = agents.agents.find((a) => a.enabled && a.knowledge.length) ?? agents.agents[0];
  // The account that an agent's own chat gets by itself is no channel for customers.
  const open = channels.channels.find((c) => c.enabled && (c.kind !== 'webchat' || c.settings.public === 'true'));
  return { documents: documents.pagination.total, agent: knows, channel: open, conversations: conversations.pagination.total };
}

/** Where the console opens: at the first steps while there is nothing, otherwise in the inbox. */
export function Arrival() {
  useEffect(() => {
    const first = isAdmin.value ? readState().then((s) => !s.documents && !s.conversations) : Promise.resolve(false);
    let here = true;
    // Whoever went on meanwhile is left where they are.
    first.catch(() => false).then((empty) => here && go(path(empty ? 'start' : 'inbox'), { replace: true }));
    return () => void (here = false);
  }, []);
  return html`<div class="opening"><span class="spinner" /></div>`;
}

function Step({ n, title, done, current, children }) {
  return html`<li class="card step ${done ? 'done' : ''} ${current ? 'current' : ''}" aria-current=${current ? 'step' : undefined}>
    <header class="row"><span class="step-number">${done ? html`<${Icon} name="check" size=${18} />` : n}</span><h2 class="grow">${title}${done && html`<span class="visually-hidden"> – ${t('done')}</span>`}</h2></header>
    ${(current || done) && html`<div class="step-body">${children}</div>`}
  </li>`;
}

/** A few true sentences to try with; a document like any other, that can be removed like any other. */
const sample = () => new File([t('sample.text')], t('sample.name'), { type: 'text/markdown' });

function MakeAgent({ onMade }) {
  const [name, setName] = useState(t('start.agent.name'));
  const make = async () => {
    await post('/api/agents', { name, knowledge: [BASE], instructions: t('start.agent.instructions') });
    await onMade();
  };
  return html`<${Form} submit=${t('start.agent.make')} fields=${['name']} onSubmit=${make}>${(wrong) => html`<${Field} label=${t('name')} value=${name} onInput=${setName} error=${wrong.name} />`}<//>`;
}

export function Start() {
  const state = useData(readState, []);
  useEffect(() => {
    const look = gently(LOOK_EVERY, state.reload);
    const stops = [repeat(LOOK_EVERY, look), hear(look)];
    return () => stops.forEach((stop) => stop());
  }, []);
  const bring = async (files) => {
    add(files, BASE);
    setTimeout(state.reload, 1_000);
  };
  const connect = (agent) => () =>
    attempt(() => post('/api/channels', { kind: 'webchat', name: t('kind.webchat'), agent: agent.id, settings: { public: 'true' } }).then(state.reload), t('channel.made'));
  return html`<${Page} title=${t('start.title')} lead=${t('start.lead')}>
    <${Loaded} of=${state}>
      ${({ documents, agent, channel, conversations }) => {
        const done = [documents > 0, Boolean(agent), Boolean(channel), conversations > 0];
        const current = done.indexOf(false);
        return html`<ol class="stack">
          <${Step} n="1" title=${t('start.knowledge')} done=${done[0]} current=${current === 0}>
            ${done[0]
              ? html`<p class="soft">${t('start.knowledge.done', { count: documents })} <a href=${path('knowledge')}>${t('start.knowledge.more')}</a></p>`
              : html`<p class="soft">${t('start.knowledge.hint')}</p><${DropZone} onFiles=${bring} />
                  <p>${t('start.sample.or')} <button type="button" class="link" onClick=${() => bring([sample()])}>${t('start.sample')}</button></p>`}
            <${UploadQueue} base=${BASE} />
          <//>
          <${Step} n="2" title=${t('start.agent')} done=${done[1]} current=${current === 1}>
            ${done[1] ? html`<p class="soft">${t('start.agent.done', { name: agent.name })} <a href=${path('agents', agent.id)}>${t('start.agent.edit')}</a></p>` : html`<p class="soft">${t('start.agent.hint')}</p><${MakeAgent} onMade=${state.reload} />`}
            ${done[0] && done[1] && !done[3] && html`<${TestChat} agent=${agent} />`}
          <//>
          <${Step} n="3" title=${t('start.channel')} done=${done[2]} current=${current === 2}>
            ${done[2]
              ? html`<p class="soft">${t('start.channel.done', { name: channel.name })}</p>`
              : html`<p class="soft">${t('start.channel.hint')}</p><div class="row wrap"><${Button} kind="primary" icon="globe" onClick=${connect(agent)}>${t('start.channel.web')}<//><a class="button" href=${`${path('channels')}?connect`}>${t('start.channel.other')}</a></div>`}
          <//>
          <${Step} n="4" title=${t('start.talk')} done=${done[3]} current=${current === 3}>
            ${done[3] ? html`<p class="soft">${t('start.talk.done')} <a href=${path('inbox')}>${t('nav.inbox')}</a></p>`
              : html`<p class="soft">${t('start.talk.hint')}</p>${channel?.kind === 'webchat' && html`<a class="button primary" href=${chatPage(channel)} target="_blank" rel="noopener"><${Icon} name="globe" size=${18} />${t('channel.open')}</a>`}`}
          <//>
        </ol>`;
      }}
    <//>
  <//>`;
}
