// Requests to somebody's HTTP interface as tools, read from its OpenAPI document or written down; and trying a tool out.
import { html, useState } from '../html.js';
import { Failure, post, put } from '../api.js';
import { t } from '../i18n.js';
import { Badge, Button, Check, Dialog, Field, Form, notice } from '../ui.js';

/** What is said of a server, as the API takes it: values that are masked stay as they are. */
export const said = ({ name, url, headers, query, operations, enabled, trusted, rules }) => ({ name, url, headers, query, operations, enabled, trusted, rules });

export const pretty = (value) => JSON.stringify(value, null, 2);

/** Text as JSON; what is no JSON is refused at its field. */
export function parsed(field, text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Failure(400, { details: [{ field, message: t('tools.http.json') }] });
  }
}

/** The requests that a text holds so far. */
function listed(text) {
  try {
    const found = JSON.parse(text);
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

/** Where a document is, or the document; what it offers goes to `onRead`. */
function FromDocument({ onRead }) {
  const [source, setSource] = useState('');
  const [left, setLeft] = useState([]);
  const read = async () => {
    const text = source.trim();
    const told = await post('/api/tool-servers/openapi', /^https?:\/\/\S+$/.test(text) ? { url: text } : { document: text });
    setLeft(told.left_out);
    notice(t('tools.http.read', { count: told.operations.length }));
    onRead(told);
  };
  return html`<details open><summary>${t('tools.http.document')}</summary>
    <${Form} submit=${t('tools.http.read.do')} kind="" fields=${['url', 'document']} onSubmit=${read}>
      ${(wrong) => html`<${Field} kind="textarea" label=${t('tools.http.source')} hint=${t('tools.http.source.hint')} rows="3" spellcheck="false" value=${source} onInput=${setSource} error=${wrong.url ?? wrong.document} />`}<//>
    ${left.length > 0 && html`<p class="soft small">${t('tools.http.left')}</p><ul class="small">${left.map((l) => html`<li key=${l.operation}><code>${l.operation}</code>: ${l.why}</li>`)}</ul>`}
  </details>`;
}

/** What is decided of single tools. */
export function Rules({ value, onInput, error }) {
  return html`<${Field} kind="textarea" label=${t('tools.rules')} hint=${t('tools.rules.hint')} rows="4" spellcheck="false" placeholder='{ "order": { "undo": { "tool": "cancel", "arguments": { "id": "/result/id" } } } }' value=${value} onInput=${onInput} error=${error} />`;
}

export function HttpServer({ server, onClose, onDone }) {
  const [values, setValues] = useState(server ?? { name: '', url: '', headers: {}, query: {}, enabled: true, trusted: false, rules: {} });
  const [offered, setOffered] = useState([]);
  const [requests, setRequests] = useState(server ? pretty(server.operations) : '');
  const [headers, setHeaders] = useState(pretty(values.headers));
  const [query, setQuery] = useState(pretty(values.query));
  const [rules, setRules] = useState(pretty(values.rules));
  const set = (name) => (value) => setValues({ ...values, [name]: value });
  const read = (told) => {
    setOffered(told.operations);
    setRequests(pretty(told.operations));
    setValues({ ...values, url: values.url || told.url || '' });
  };
  const chosen = listed(requests);
  const toggle = (operation) => {
    const others = chosen.filter((o) => o.name !== operation.name);
    setRequests(pretty(others.length < chosen.length ? others : [...chosen, operation]));
  };
  const save = async () => {
    const texts = { operations: parsed('operations', requests || '[]'), headers: parsed('headers', headers || '{}'), query: parsed('query', query || '{}'), rules: parsed('rules', rules || '{}') };
    const sent = { ...said(values), ...texts };
    await (server ? put(`/api/tool-servers/${server.id}`, sent) : post('/api/tool-servers', sent));
    onDone();
  };
  return html`<${Dialog} wide title=${server ? t('tools.edit') : t('tools.http.new')} onClose=${onClose}>
    ${(close) => html`${!server && html`<${FromDocument} onRead=${read} />`}
      ${offered.length > 0 && html`<div class="choices">${offered.map((o) => html`<label key=${o.name} title=${o.description}><input type="checkbox" checked=${chosen.some((c) => c.name === o.name)} onChange=${() => toggle(o)} /><code>${o.method} ${o.name}</code></label>`)}</div>`}
      <${Form} submit=${t('save')} fields=${['name', 'url', 'headers', 'query', 'operations', 'rules']} onSubmit=${() => save().then(() => close())}>
      ${(wrong) => html`<${Field} label=${t('name')} hint=${t('tools.name.hint')} required value=${values.name} onInput=${set('name')} error=${wrong.name} />
        <${Field} label=${t('webhooks.url')} type="url" required placeholder="https://" value=${values.url} onInput=${set('url')} error=${wrong.url} />
        <${Field} kind="textarea" label=${t('tools.http.headers')} hint=${t('tools.http.secret.hint')} rows="3" spellcheck="false" placeholder='{ "authorization": "Bearer …" }' value=${headers} onInput=${setHeaders} error=${wrong.headers} />
        <${Field} kind="textarea" label=${t('tools.http.query')} hint=${t('tools.http.secret.hint')} rows="3" spellcheck="false" placeholder='{ "api_key": "…" }' value=${query} onInput=${setQuery} error=${wrong.query} />
        <${Field} kind="textarea" label=${t('tools.http.requests')} hint=${t('tools.http.requests.hint')} rows="12" spellcheck="false" required value=${requests} onInput=${setRequests} error=${wrong.operations} />
        <${Rules} value=${rules} onInput=${setRules} error=${wrong.rules} />
        <${Check} label=${t('on')} checked=${values.enabled} onChange=${set('enabled')} />`}<//>`}
  <//>`;
}

const KINDS = { done: 'good', failed: 'warn', uncertain: 'bad' };

/** Makes a call for real. */
export function TryOut({ server, onClose }) {
  const [tool, setTool] = useState(server.tools[0].name);
  const [text, setText] = useState('{}');
  const [came, setCame] = useState(null);
  const effect = server.tools.find((o) => o.name === tool).effect;
  const run = async () => {
    const call = { tool, arguments: parsed('arguments', text) };
    setCame(null);
    setCame(await post(`/api/tool-servers/${server.id}/try`, call));
  };
  return html`<${Dialog} wide title=${t('tools.try')} onClose=${onClose}>
    ${(close) => html`<${Form} submit=${t('tools.try')} fields=${['tool', 'arguments']} onSubmit=${run} extra=${html`<${Button} onClick=${() => void close()}>${t('close')}<//>`}>
      ${(wrong) => html`<${Field} kind="select" label=${t('tools.try.tool')} value=${tool} onInput=${setTool} error=${wrong.tool}>${server.tools.map((o) => html`<option key=${o.name} value=${o.name}>${o.name}</option>`)}<//>
        <${Field} kind="textarea" label=${t('tools.try.arguments')} hint=${effect === 'read' ? '' : t('tools.try.real')} rows="5" spellcheck="false" value=${text} onInput=${setText} error=${wrong.arguments} />`}<//>
      ${came && html`<div role="status"><p><${Badge} kind=${KINDS[came.status]}>${t(`tools.try.${came.status}`)}<//> ${came.code ?? ''}</p><pre class="wrap">${came.content}</pre></div>`}`}
  <//>`;
}
