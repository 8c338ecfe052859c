// Servers of tools that agents can be given: of the Model Context Protocol, or of HTTP alone.
import { html, useState } from '../html.js';
import { get, post, put, remove } from '../api.js';
import { moment, t } from '../i18n.js';
import { HttpServer, Rules, TryOut, parsed, pretty, said } from './http-tools.js';
import { Badge, Button, Check, Dialog, Empty, Field, Form, Icon, Loaded, attempt, notice, sure, useData } from '../ui.js';


/** Asks it what it offers, and says what came of that. */
async function ask(server) {
  const told = await post(`/api/tool-servers/${server.id}/refresh`);
  if (told.ok) notice(t('tools.asked', { count: told.server.tools.length }));
  else notice(t('tools.unanswered', { why: told.message }), 'bad');
}

function Server({ server, onClose, onDone }) {
  const [values, setValues] = useState(server ?? { name: '', url: '', headers: {}, enabled: true, trusted: false, rules: {} });
  const [credential, setCredential] = useState(values.headers.authorization ?? '');
  const [rules, setRules] = useState(pretty(values.rules));
  const set = (name) => (value) => setValues({ ...values, [name]: value });
  const save = async () => {
    const { authorization, ...others } = values.headers;
    const headers = credential ? { ...others, authorization: credential } : others;
    const sent = { ...said(values), headers, rules: parsed('rules', rules || '{}') };
    const kept = await (server ? put(`/api/tool-servers/${server.id}`, sent) : post('/api/tool-servers', sent));
    await ask(kept);
    onDone();
  };
  return html`<${Dialog} title=${server ? t('tools.edit') : t('tools.new')} onClose=${onClose}>
    ${(close) => html`<${Form} submit=${t('save')} fields=${['name', 'url', 'headers.authorization', 'rules']} onSubmit=${() => save().then(() => close())}>
      ${(wrong) => html`<${Field} label=${t('name')} hint=${t('tools.name.hint')} autofocus required value=${values.name} onInput=${set('name')} error=${wrong.name} />
        <${Field} label=${t('webhooks.url')} type="url" required placeholder="https://" value=${values.url} onInput=${set('url')} error=${wrong.url} />
        <${Field} label=${t('tools.authorization')} hint=${t('tools.authorization.hint')} autocomplete="off" placeholder="Bearer …" value=${credential} onInput=${setCredential} error=${wrong['headers.authorization']} />
        <${Rules} value=${rules} onInput=${setRules} error=${wrong.rules} />
        <${Check} label=${t('tools.trusted')} checked=${values.trusted} onChange=${set('trusted')} />
        <${Check} label=${t('on')} checked=${values.enabled} onChange=${set('enabled')} />`}<//>`}
  <//>`;
}

function Offered({ server, onChange }) {
  const toggle = (tool) => {
    const rules = { ...server.rules, [tool.name]: { ...server.rules[tool.name], enabled: !tool.enabled } };
    return attempt(() => put(`/api/tool-servers/${server.id}`, { ...said(server), rules }).then(onChange), t('done.saved'));
  };
  return html`<details class="grow"><summary>${t('tools.count', { count: server.tools.length })}</summary>
    <div class="choices">${server.tools.map((tool) => html`<label key=${tool.name} title=${tool.description}><input type="checkbox" checked=${tool.enabled} disabled=${!server.enabled} onChange=${() => toggle(tool)} /><code>${tool.agents_name}</code></label>`)}</div>
  </details>`;
}

function Row({ server, onChange, onEdit, onTry }) {
  const drop = async () => {
    if (await sure(t('tools.remove.sure', { name: server.name }), t('remove'))) await attempt(() => remove(`/api/tool-servers/${server.id}`).then(onChange), t('done.removed'));
  };
  return html`<li class="wrap"><span class="tile"><${Icon} name="plug" /></span><div class="grow"><p class="title">${server.name}</p><p class="soft small">${server.url}</p>
      <p class="soft small">${server.operations ? t('tools.http') : server.asked_at ? t('tools.asked.at', { date: moment(server.asked_at) }) : t('tools.never')}</p>
      ${server.tools.length > 0 && html`<${Offered} server=${server} onChange=${onChange} />`}</div>
    <${Badge} kind=${server.enabled ? 'good' : 'warn'}>${server.enabled ? t('on') : t('off')}<//>
    <span class="row wrap">${!server.operations && html`<${Button} kind="compact" onClick=${() => attempt(() => ask(server).then(onChange))}>${t('tools.ask')}<//>`}${server.tools.length > 0 && html`<${Button} kind="compact" onClick=${() => void onTry(server)}>${t('tools.try')}<//>`}<${Button} kind="compact" onClick=${() => void onEdit(server)}>${t('edit')}<//><${Button} kind="compact danger" onClick=${drop}>${t('remove')}<//></span></li>`;
}

export function ToolServers() {
  const servers = useData(() => get('/api/tool-servers?limit=100'), []);
  const [dialog, setDialog] = useState(null);
  return html`<div class="stack">
    <div class="card-head"><p class="soft grow">${t('tools.lead')}</p><button type="button" class="button" onClick=${() => setDialog({ http: true })}><${Icon} name="plus" size=${18} />${t('tools.http.new')}</button><button type="button" class="button primary" onClick=${() => setDialog({})}><${Icon} name="plus" size=${18} />${t('tools.new')}</button></div>
    <section class="card"><${Loaded} of=${servers}>${(data) => data.tool_servers.length === 0
      ? html`<${Empty} icon="plug" title=${t('tools.none')}><p>${t('tools.lead')}</p><//>`
      : html`<ul class="list">${data.tool_servers.map((s) => html`<${Row} key=${s.id} server=${s} onChange=${servers.reload} onEdit=${(server) => setDialog({ server, http: !!server.operations })} onTry=${(server) => setDialog({ trying: server })} />`)}</ul>`}<//></section>
    ${dialog?.trying && html`<${TryOut} server=${dialog.trying} onClose=${() => setDialog(null)} />`}
    ${dialog?.http && html`<${HttpServer} server=${dialog.server} onClose=${() => setDialog(null)} onDone=${servers.reload} />`}
    ${dialog && !dialog.trying && !dialog.http && html`<${Server} server=${dialog.server} onClose=${() => setDialog(null)} onDone=${servers.reload} />`}
  </div>`;
}
