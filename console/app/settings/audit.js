// Acts of administration, the newest first.
import { html, useEffect, useState } from '../html.js';
import { get, query } from '../api.js';
import { moment, t } from '../i18n.js';
import { knowPeople, nameOf } from '../people.js';
import { Empty, Loaded, Pager, useData } from '../ui.js';

const who = (line) => (line.actor === 'user' ? nameOf(line.actor_id) : t(`audit.${line.actor}`));

export function Audit() {
  const [page, setPage] = useState(1);
  const audit = useData(() => get(`/api/audit${query({ page, limit: 50 })}`), [page]);
  useEffect(knowPeople, []);
  return html`<div class="stack"><p class="soft">${t('audit.lead')}</p>
    <section class="card"><${Loaded} of=${audit}>${(data) => data.audit.length === 0
      ? html`<${Empty} icon="shield" title=${t('audit.none')}><p>${t('audit.lead')}</p><//>`
      : html`<div class="table-wrap" tabindex="0" role="group" aria-label=${t('settings.audit')}><table><thead><tr>${['when', 'who', 'what', 'detail'].map((c) => html`<th key=${c}>${t(`audit.${c}`)}</th>`)}</tr></thead>
          <tbody>${data.audit.map((l) => html`<tr key=${l.id}><td class="soft">${moment(l.at)}</td><td>${who(l)}</td><td><code>${l.action}</code></td><td class="soft">${l.detail || l.target}</td></tr>`)}</tbody></table></div><${Pager} page=${data.pagination} onPage=${setPage} />`}<//></section></div>`;
}
