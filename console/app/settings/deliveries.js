// What was told to other systems, attempt by attempt; anything can be told once more.
import { html, useState } from '../html.js';
import { get, post, query } from '../api.js';
import { moment, t } from '../i18n.js';
import { Badge, Button, Empty, Icon, Loaded, Pager, attempt, useData } from '../ui.js';

const STATES = { queued: 'info', delivered: 'good', dead: 'bad' };

function Delivery({ delivery, onChange }) {
  const [open, setOpen] = useState(false);
  const again = () => attempt(() => post(`/api/webhooks/deliveries/${delivery.id}/retry`).then(onChange), t('done.queued'));
  return html`<li class="topic">
    <div class="row wrap"><button type="button" class="reveal grow" aria-expanded=${open} onClick=${() => setOpen(!open)}><${Icon} name=${open ? 'down' : 'next'} size=${16} /><span class="grow"><code>${delivery.event_type}</code> <span class="soft small clip">${delivery.url}</span></span></button>
      <${Badge} kind=${STATES[delivery.state]}>${t(`delivery.state.${delivery.state}`)}<//><span class="soft small">${moment(delivery.created_at)}</span><${Button} kind="compact" onClick=${again}>${t('deliveries.again')}<//></div>
    ${open && html`<ol class="attempts">${delivery.attempts.map((a) => html`<li key=${a.number}><span class="number">${a.number}.</span> ${moment(a.at)} · ${a.status ? html`<${Badge} kind=${a.status < 300 ? 'good' : 'bad'}>${a.status}<//>` : html`<${Badge} kind="bad">${t('deliveries.no.answer')}<//>`} · ${t('milliseconds', { ms: a.took_ms })} ${a.error && html`<span class="soft">${a.error}</span>`}</li>`)}
      ${delivery.attempts.length === 0 && html`<li class="soft">${t('deliveries.no.attempts')}</li>`}${delivery.next_attempt_at && html`<li class="soft">${t('deliveries.next', { date: moment(delivery.next_attempt_at) })}</li>`}</ol>`}
  </li>`;
}

export function Deliveries() {
  const [state, setState] = useState('');
  const [page, setPage] = useState(1);
  const deliveries = useData(() => get(`/api/webhooks/deliveries${query({ state, page, limit: 25 })}`), [state, page]);
  return html`<div class="stack">
    <div class="card-head"><p class="soft grow">${t('deliveries.lead')}</p><select class="narrow" aria-label=${t('deliveries.state')} value=${state} onChange=${(e) => (setState(e.target.value), setPage(1))}>
      <option value="">${t('deliveries.all')}</option>${Object.keys(STATES).map((s) => html`<option key=${s} value=${s}>${t(`delivery.state.${s}`)}</option>`)}</select></div>
    <section class="card"><${Loaded} of=${deliveries}>${(data) => data.deliveries.length === 0
      ? html`<${Empty} icon="bell" title=${t('deliveries.none')}><p>${t('deliveries.none.hint')}</p><//>`
      : html`<ul class="list topics">${data.deliveries.map((d) => html`<${Delivery} key=${d.id} delivery=${d} onChange=${deliveries.reload} />`)}</ul><${Pager} page=${data.pagination} onPage=${setPage} />`}<//></section>
  </div>`;
}
