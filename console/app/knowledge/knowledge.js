// Knowledge: bases, their documents, and whether questions find their passages.
import { html, useState } from '../html.js';
import { get, isAdmin, post, put, remove } from '../api.js';
import { t } from '../i18n.js';
import { go, path, route } from '../router.js';
import { Button, Dialog, Empty, Field, Form, Icon, IconButton, Loaded, Page, Tabs, attempt, sure, useData } from '../ui.js';
import { DocumentView } from './document.js';
import { Documents } from './documents.js';
import { Proposals } from './proposals.js';
import { Trial } from './trial.js';
import { Unanswered } from './unanswered.js';

const TABS = { documents: Documents, try: Trial, unanswered: Unanswered, proposals: Proposals };

function NameDialog({ title, submit, first = '', onName, onClose }) {
  const [name, setName] = useState(first);
  return html`<${Dialog} title=${title} onClose=${onClose}>
    ${(close) => html`<${Form} submit=${submit} fields=${['name']} onSubmit=${() => onName(name).then(close)}>
      ${(wrong) => html`<${Field} label=${t('name')} autofocus required value=${name} onInput=${setName} error=${wrong.name} hint=${t('base.name.hint')} />`}
    <//>`}
  <//>`;
}

function Bases({ bases, current, onNew }) {
  return html`<nav class="bases" aria-label=${t('bases')}>
    ${bases.map((b) => html`<a key=${b.id} href=${path('knowledge', b.id)} aria-current=${b.id === current ? 'page' : undefined}>
      <${Icon} name="book" size=${16} /><span class="clip">${b.name}</span><span class="number soft">${b.documents}</span></a>`)}
    ${isAdmin.value && html`<button type="button" onClick=${onNew}><${Icon} name="plus" size=${16} />${t('base.new')}</button>`}
  </nav>`;
}

export function Knowledge() {
  const { parts } = route.value;
  if (parts[1] === 'documents') return html`<${DocumentView} key=${parts[2]} id=${parts[2]} />`;
  return html`<${BasesView} wanted=${parts[1]} tab=${parts[2] ?? 'documents'} />`;
}

function BasesView({ wanted, tab }) {
  const bases = useData(() => get('/api/knowledge-bases?limit=100'), []);
  const [dialog, setDialog] = useState(null);
  const create = async (name) => {
    const made = await post('/api/knowledge-bases', { name });
    await bases.reload();
    go(path('knowledge', made.id));
  };
  return html`<${Page} title=${t('nav.knowledge')} lead=${t('knowledge.lead')}>
    <${Loaded} of=${bases}>
      ${({ knowledge_bases: all }) => {
        const base = all.find((b) => b.id === wanted) ?? all.find((b) => b.name === 'default') ?? all[0];
        const rename = (name) => put(`/api/knowledge-bases/${base.id}`, { name }).then(bases.reload);
        const drop = async () => {
          if (!(await sure(t('base.remove.sure', { name: base.name }), t('remove')))) return;
          await attempt(() => remove(`/api/knowledge-bases/${base.id}`).then(bases.reload).then(() => go(path('knowledge'))), t('done.removed'));
        };
        const Shown = TABS[tab] ?? Documents;
        const tabs = Object.keys(TABS).map((id) => [id, t(`knowledge.${id}`), base && path('knowledge', base.id, id)]);
        return html`<div class="knowledge">
          <${Bases} bases=${all} current=${base?.id} onNew=${() => setDialog('new')} />
          ${base
            ? html`<div class="stack">
                <div class="row"><h2 class="clip">${base.name}</h2>
                  ${isAdmin.value && html`<span class="row"><${IconButton} icon="edit" size=${16} kind="small" label=${t('base.rename')} onClick=${() => setDialog('rename')} />
                  ${base.documents === 0 && html`<${IconButton} icon="trash" size=${16} kind="small" label=${t('base.remove')} onClick=${drop} />`}</span>`}</div>
                <${Tabs} label=${base.name} tabs=${tabs} current=${tab} />
                <${Shown} key=${base.id} base=${base} onChange=${bases.reload} />
              </div>`
            : html`<div class="card"><${Empty} icon="book" title=${t('bases.none')}><p>${t('bases.none.hint')}</p>
                ${isAdmin.value && html`<${Button} kind="primary" onClick=${() => create('default')}>${t('bases.first')}<//>`}<//></div>`}
          ${dialog === 'new' && html`<${NameDialog} title=${t('base.new')} submit=${t('create')} onName=${create} onClose=${() => setDialog(null)} />`}
          ${dialog === 'rename' && html`<${NameDialog} title=${t('base.rename')} submit=${t('save')} first=${base.name} onName=${rename} onClose=${() => setDialog(null)} />`}
        </div>`;
      }}
    <//>
  <//>`;
}
