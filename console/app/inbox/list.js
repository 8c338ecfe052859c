// The list of conversations, however many: filters, search, and the rows that can be seen.
import { html, useEffect, useRef, useState } from '../html.js';
import { liveness } from '../live.js';
import { number, t, when } from '../i18n.js';
import { go, path } from '../router.js';
import { Avatar, Badge, Empty, Icon, IconButton, KIND_ICONS, Trouble, kindName } from '../ui.js';
import { VirtualList } from '../virtual.js';

const ROW = 78;
/** After the last key, before the server is asked. */
const PAUSE = 250;

function address(filter, current) {
  const values = { status: filter.status === 'OPEN' ? '' : filter.status, who: filter.assignedTo, q: filter.search, tag: filter.tag };
  const there = Object.entries(values).filter(([, v]) => v);
  return (current ? path('inbox', current) : path('inbox')) + (there.length ? `?${new URLSearchParams(there)}` : '');
}

/** Who it is: the name, or the address they write from. */
export const called = (c) => c.name || (c.kind === 'webchat' ? t('visitor', { id: c.peer.slice(-4) }) : c.peer);

function Row({ row, current }) {
  if (!row) return html`<div class="conversation loading"><span class="skeleton round" /><span class="skeleton" /></div>`;
  const last = row.last_message;
  const speaker = last && last.speaker !== 'person' ? t('said.by', { who: t(`speaker.${last.speaker}`) }) : '';
  return html`<a class="conversation ${row.unread ? 'unread' : ''}" href=${path('inbox', row.id) + location.search} aria-current=${row.id === current ? 'true' : undefined}>
    <span class="face"><${Avatar} name=${called(row)} /><span class="kind" title=${kindName(row.kind)}><${Icon} name=${KIND_ICONS[row.kind] ?? 'plug'} size=${12} /></span></span>
    <span class="conversation-text">
      <span class="conversation-top"><span class="name clip">${called(row)}</span><time datetime=${row.last_inbound_at}>${when(last?.at ?? row.last_inbound_at)}</time></span>
      <span class="conversation-bottom"><span class="clip">${speaker}${last?.text ?? t('inbox.empty.line')}</span>
        ${row.mode === 'operator' && html`<${Badge} kind="warn">${t('mode.person')}<//>`}
        ${row.status === 'CLOSED' && html`<${Badge}>${t('closed')}<//>`}
        ${row.unread > 0 && html`<span class="count" aria-label=${t('unread', { count: row.unread })}>${row.unread > 99 ? '99+' : row.unread}</span>`}
      </span>
    </span>
  </a>`;
}

function Nothing({ filter }) {
  const filtered = filter.search || filter.tag || filter.assignedTo || filter.status !== 'OPEN';
  if (filtered) return html`<${Empty} icon="search" title=${t('inbox.nothing')}><p>${t('inbox.nothing.hint')}</p><a class="button" href=${path('inbox')}>${t('inbox.nothing.all')}</a><//>`;
  return html`<${Empty} icon="inbox" title=${t('inbox.empty')}><p>${t('inbox.empty.hint')}</p><a class="button" href=${path('channels')}>${t('inbox.empty.act')}</a><//>`;
}

export function ConversationList({ list, filter, current, at, search, onHelp }) {
  const [text, setText] = useState(filter.search);
  const timer = useRef(null);
  useEffect(() => setText(filter.search), [filter.search]);
  const change = (values) => go(address({ ...filter, ...values }, current), { replace: true });
  // A conversation may be opened between the last letter and the pause after it.
  const latest = useRef(change);
  latest.current = change;
  const type = (event) => {
    const next = event.target.value;
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => latest.current({ search: next.trim() }), PAUSE);
  };
  const total = list.total.value;
  return html`<section class="conversations" aria-label=${t('nav.inbox')}>
    <header class="conversations-head">
      <div class="row">
        <h1>${t('nav.inbox')}</h1>
        <span class="soft small grow number">${total !== undefined && number(total)}</span>
        <span class="live ${liveness.value}" title=${t(`live.${liveness.value}`)}><span class="visually-hidden">${t(`live.${liveness.value}`)}</span></span>
        <${IconButton} icon="help" label=${t('keys')} onClick=${onHelp} kind="desktop" />
      </div>
      <div class="search"><${Icon} name="search" size=${18} />
        <input type="search" ref=${search} value=${text} onInput=${type} placeholder=${t('inbox.search')} aria-label=${t('inbox.search')} />
      </div>
      <div class="row filters">
        <select aria-label=${t('inbox.status')} value=${filter.status} onChange=${(e) => change({ status: e.target.value })}>
          ${['OPEN', 'CLOSED', 'ALL'].map((s) => html`<option key=${s} value=${s}>${t(`status.${s}`)}</option>`)}
        </select>
        <select aria-label=${t('inbox.who')} value=${filter.assignedTo} onChange=${(e) => change({ assignedTo: e.target.value })}>
          <option value="">${t('inbox.everybody')}</option><option value="me">${t('inbox.mine')}</option>
        </select>
      </div>
      ${filter.tag && html`<button type="button" class="button compact" onClick=${() => change({ tag: '' })}><${Icon} name="tag" size=${14} />${filter.tag}<${Icon} name="close" size=${14} /></button>`}
    </header>
    ${list.error.value && total === undefined
      ? html`<${Trouble} error=${list.error.value} retry=${() => list.ask({ ...filter, status: filter.status === 'ALL' ? '' : filter.status })} />`
      : total === 0
        ? html`<${Nothing} filter=${filter} />`
        : html`<${VirtualList} key=${JSON.stringify(filter)} count=${total ?? 8} height=${ROW} focus=${at} label=${t('inbox.list')}
            onRange=${(first, last) => total !== undefined && list.show(first, last)}
            row=${(index) => html`<${Row} row=${list.at(index)} current=${current} />`} />`}
  </section>`;
}
