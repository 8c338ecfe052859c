// What agents could not answer, by topics: what should be written next.
import { html, useState } from '../html.js';
import { get, isAdmin, patch, query } from '../api.js';
import { moment, t, when } from '../i18n.js';
import { path } from '../router.js';
import { Badge, Button, Empty, Icon, Loaded, Pager, attempt, useData } from '../ui.js';

function Questions({ base, topic }) {
  const data = useData(() => get(`/api/knowledge-bases/${base.id}/unanswered/${topic.id}`), [topic.id]);
  return html`<${Loaded} of=${data} rows=${2}>
    ${({ questions }) => html`<ul class="questions">${questions.map(
      (q) => html`<li key=${q.id}><a href=${path('inbox', q.conversation)}>${q.text}</a> <span class="soft small">${moment(q.asked_at)}</span></li>`,
    )}</ul>`}
  <//>`;
}

function Topic({ base, topic, onMark }) {
  const [open, setOpen] = useState(false);
  const mark = (state) => attempt(() => patch(`/api/knowledge-bases/${base.id}/unanswered/${topic.id}`, { state }).then(onMark), t('done.marked'));
  return html`<li class="topic">
    <div class="row wrap">
      <button type="button" class="reveal grow" aria-expanded=${open} onClick=${() => setOpen(!open)}><${Icon} name=${open ? 'down' : 'next'} size=${16} /><span class="title">${topic.title}</span></button>
      <${Badge} kind="accent">${t('unanswered.times', { count: topic.questions })}<//>
      <span class="soft small">${when(topic.last_at)}</span>
      ${isAdmin.value && (topic.state === 'open'
        ? html`<${Button} kind="compact" icon="check" onClick=${() => mark('answered')}>${t('unanswered.done')}<//><${Button} kind="compact plain" onClick=${() => mark('dismissed')}>${t('unanswered.dismiss')}<//>`
        : html`<${Button} kind="compact" onClick=${() => mark('open')}>${t('unanswered.reopen')}<//>`)}
    </div>
    ${open && html`<${Questions} base=${base} topic=${topic} />`}
  </li>`;
}

export function Unanswered({ base }) {
  const [state, setState] = useState('open');
  const [page, setPage] = useState(1);
  const topics = useData(() => get(`/api/knowledge-bases/${base.id}/unanswered${query({ state, page })}`), [base.id, state, page]);
  return html`<div class="stack">
    <div class="row"><label class="row"><span class="soft small">${t('unanswered.state')}</span>
      <select class="narrow" value=${state} onChange=${(e) => (setState(e.target.value), setPage(1))}>
        ${['open', 'answered', 'dismissed'].map((s) => html`<option key=${s} value=${s}>${t(`unanswered.${s}`)}</option>`)}
      </select></label></div>
    <section class="card" aria-label=${t('knowledge.unanswered')}>
      <${Loaded} of=${topics}>
        ${(data) => data.topics.length === 0
          ? html`<${Empty} icon="check" title=${t('unanswered.none')}><p>${t('unanswered.none.hint')}</p><//>`
          : html`<ul class="list topics">${data.topics.map((topic) => html`<${Topic} key=${topic.id} base=${base} topic=${topic} onMark=${topics.reload} />`)}</ul><${Pager} page=${data.pagination} onPage=${setPage} />`}
      <//>
    </section>
  </div>`;
}
