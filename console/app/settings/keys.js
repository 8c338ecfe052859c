// Keys for programs: shown once, with the scopes that they have.
import { html, useState } from '../html.js';
import { get, post, remove } from '../api.js';
import { moment, t } from '../i18n.js';
import { Badge, Button, CopyText, Dialog, Empty, Field, Form, Icon, Loaded, attempt, sure, useData } from '../ui.js';

const SCOPES = ['chat:write', 'conversations:read', 'conversations:write', 'contacts:read', 'contacts:write', 'agents:read', 'agents:write', 'channels:read', 'channels:write', 'knowledge:read', 'knowledge:write', 'webhooks:read', 'webhooks:write', 'people:read', '*:read', '*'];

function Scopes({ chosen, onChange, error }) {
  const toggle = (scope) => onChange(chosen.includes(scope) ? chosen.filter((s) => s !== scope) : [...chosen, scope]);
  return html`<fieldset><legend>${t('keys.scopes')}</legend><div class="choices">${SCOPES.map((s) => html`<label key=${s}><input type="checkbox" checked=${chosen.includes(s)} onChange=${() => toggle(s)} /><code>${s}</code></label>`)}</div>
    ${error && html`<p class="field-error">${error}</p>`}</fieldset>`;
}

function NewKey({ onClose, onDone }) {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState(['chat:write']);
  const [made, setMade] = useState(null);
  const make = async () => {
    setMade(await post('/api/api-keys', { name, scopes }));
    onDone();
  };
  return html`<${Dialog} title=${t('keys.new')} onClose=${onClose}>
    ${(close) => made
      ? html`<p class="banner"><${Icon} name="key" size=${18} />${t('keys.once')}</p><${CopyText} text=${made.key} label=${t('keys.key')} /><div class="form-end"><${Button} kind="primary" onClick=${() => void close()}>${t('done')}<//></div>`
      : html`<${Form} submit=${t('create')} fields=${['name', 'scopes']} onSubmit=${make}>${(wrong) => html`<${Field} label=${t('name')} autofocus value=${name} onInput=${setName} error=${wrong.name} /><${Scopes} chosen=${scopes} onChange=${setScopes} error=${wrong.scopes} />`}<//>`}
  <//>`;
}

export function Keys() {
  const keys = useData(() => get('/api/api-keys?limit=100'), []);
  const [dialog, setDialog] = useState(false);
  const revoke = async (key) => {
    if (await sure(t('keys.revoke.sure', { name: key.name }), t('keys.revoke'))) await attempt(() => remove(`/api/api-keys/${key.id}`).then(keys.reload), t('done.revoked'));
  };
  return html`<div class="stack">
    <div class="card-head"><p class="soft">${t('keys.lead')}</p><button type="button" class="button primary" onClick=${() => setDialog(true)}><${Icon} name="plus" size=${18} />${t('keys.new')}</button></div>
    <section class="card"><${Loaded} of=${keys}>${(data) => data.api_keys.length === 0
      ? html`<${Empty} icon="key" title=${t('keys.none')}><p>${t('keys.lead')}</p><//>`
      : html`<ul class="list">${data.api_keys.map((k) => html`<li key=${k.id}><span class="tile"><${Icon} name="key" /></span><div class="grow"><p class="title">${k.name}</p><p class="soft small">${k.scopes.join(' ')} · ${moment(k.created_at)}</p></div>
          ${k.revoked_at ? html`<${Badge}>${t('keys.revoked')}<//>` : html`<${Button} kind="compact danger" onClick=${() => revoke(k)}>${t('keys.revoke')}<//>`}</li>`)}</ul>`}<//></section>
    ${dialog && html`<${NewKey} onClose=${() => setDialog(false)} onDone=${keys.reload} />`}
  </div>`;
}
