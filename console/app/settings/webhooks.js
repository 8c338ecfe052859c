// What other systems are told, and where.
import { html, useState } from '../html.js';
import { get, patch, post, remove } from '../api.js';
import { moment, t } from '../i18n.js';
import { path } from '../router.js';
import { Badge, Button, CopyText, Dialog, Empty, Field, Form, Icon, Loaded, attempt, sure, useData } from '../ui.js';

const EVENTS = [
  'conversation.started', 'conversation.handed_over', 'conversation.handed_off', 'conversation.returned', 'conversation.closed', 'contact.moved',
  'message.received', 'message.sent', 'message.status', 'document.ready', 'document.failed', 'reservation.created', 'reservation.cancelled',
  'order.paid', 'order.refunded', 'whatsapp.fallback', 'call.started', 'call.ended', 'video.started', 'video.ended', 'tool.approval_requested', 'tool.approval_overdue', 'tool.approval_decided', 'tool.undo_ordered',
  'scheduled_message.failed', 'broadcast.ended', 'error.occurred', 'budget.warning', 'budget.spent',
];

function Secret({ secret, close }) {
  return html`<p class="banner"><${Icon} name="key" size=${18} />${t('webhooks.once')}</p><${CopyText} text=${secret} label=${t('webhooks.secret')} /><div class="form-end"><${Button} kind="primary" onClick=${() => void close()}>${t('done')}<//></div>`;
}

function Endpoint({ endpoint, onClose, onDone }) {
  const [url, setUrl] = useState(endpoint?.url ?? '');
  const [events, setEvents] = useState(endpoint?.events ?? ['*']);
  const [made, setMade] = useState(null);
  const all = events.includes('*');
  const toggle = (event) => setEvents(events.includes(event) ? events.filter((e) => e !== event) : [...events.filter((e) => e !== '*'), event]);
  const save = async () => {
    if (endpoint) await patch(`/api/webhook-endpoints/${endpoint.id}`, { url, events });
    else setMade(await post('/api/webhook-endpoints', { url, events }));
    onDone();
  };
  return html`<${Dialog} title=${endpoint ? t('webhooks.edit') : t('webhooks.new')} onClose=${onClose}>
    ${(close) => made ? html`<${Secret} secret=${made.secret} close=${close} />` : html`<${Form} submit=${t('save')} fields=${['url', 'events']} onSubmit=${() => save().then(() => endpoint && close())}>
      ${(wrong) => html`<${Field} label=${t('webhooks.url')} type="url" autofocus placeholder="https://" value=${url} onInput=${setUrl} error=${wrong.url} />
        <fieldset><legend>${t('webhooks.events')}</legend><div class="choices"><label><input type="checkbox" checked=${all} onChange=${() => setEvents(all ? [] : ['*'])} />${t('webhooks.all')}</label>
          ${EVENTS.map((e) => html`<label key=${e}><input type="checkbox" checked=${all || events.includes(e)} disabled=${all} onChange=${() => toggle(e)} /><code>${e}</code></label>`)}</div>${wrong.events && html`<p class="field-error">${wrong.events}</p>`}</fieldset>`}<//>`}
  <//>`;
}

function Row({ endpoint, onChange, onEdit, onSecret }) {
  const at = `/api/webhook-endpoints/${endpoint.id}`;
  const drop = async () => {
    if (await sure(t('webhooks.remove.sure', { url: endpoint.url }), t('remove'))) await attempt(() => remove(at).then(onChange), t('done.removed'));
  };
  const rotate = async () => {
    if (await sure(t('webhooks.rotate.sure'), t('webhooks.rotate'))) await attempt(async () => onSecret((await post(`${at}/rotate-secret`)).secret));
  };
  return html`<li class="wrap"><span class="tile"><${Icon} name="bell" /></span><div class="grow"><p class="title">${endpoint.url}</p><p class="soft small">${endpoint.events.includes('*') ? t('webhooks.all') : endpoint.events.join(', ')}</p>
      ${endpoint.rests_until && html`<p class="field-error">${t('webhooks.rests', { failures: endpoint.failures, date: moment(endpoint.rests_until) })}</p>`}</div>
    <${Badge} kind=${endpoint.enabled ? 'good' : 'warn'}>${endpoint.enabled ? t('on') : t('off')}<//>
    <span class="row wrap"><${Button} kind="compact" onClick=${() => void onEdit(endpoint)}>${t('edit')}<//><${Button} kind="compact" onClick=${() => attempt(() => patch(at, { enabled: !endpoint.enabled }).then(onChange), t('done.saved'))}>${endpoint.enabled ? t('switch.off') : t('switch.on')}<//>
      <${Button} kind="compact" onClick=${rotate}>${t('webhooks.rotate')}<//><${Button} kind="compact danger" onClick=${drop}>${t('remove')}<//></span></li>`;
}

export function Webhooks() {
  const endpoints = useData(() => get('/api/webhook-endpoints?limit=100'), []);
  const [dialog, setDialog] = useState(null);
  const [secret, setSecret] = useState(null);
  return html`<div class="stack">
    <div class="card-head"><p class="soft grow">${t('webhooks.lead')} <a href=${path('settings', 'deliveries')}>${t('settings.deliveries')}</a></p><button type="button" class="button primary" onClick=${() => setDialog({})}><${Icon} name="plus" size=${18} />${t('webhooks.new')}</button></div>
    <section class="card"><${Loaded} of=${endpoints}>${(data) => data.webhook_endpoints.length === 0
      ? html`<${Empty} icon="bell" title=${t('webhooks.none')}><p>${t('webhooks.lead')}</p><//>`
      : html`<ul class="list">${data.webhook_endpoints.map((e) => html`<${Row} key=${e.id} endpoint=${e} onChange=${endpoints.reload} onEdit=${(endpoint) => setDialog({ endpoint })} onSecret=${setSecret} />`)}</ul>`}<//></section>
    ${dialog && html`<${Endpoint} endpoint=${dialog.endpoint} onClose=${() => setDialog(null)} onDone=${endpoints.reload} />`}
    ${secret && html`<${Dialog} title=${t('webhooks.secret')} onClose=${() => setSecret(null)}>${(close) => html`<${Secret} secret=${secret} close=${close} />`}<//>`}
  </div>`;
}
