// What an agent did before it answered: the tools that it called, what came of them and what undoes them, and what the answer
// cost.
import { html, useState } from '../html.js';
import { get, post, query } from '../api.js';
import { moment, t, usd } from '../i18n.js';
import { nameOf } from '../people.js';
import { Badge, Button, Loaded, attempt, sure, useData } from '../ui.js';

const KINDS = { done: 'good', failed: 'bad', uncertain: 'warn' };

const UNDONE = { ordered: 'info', ...KINDS };

/** What undoes a call: whether that was ordered, and by whom; or the button that orders it. */
function Undo({ conversation, call, onChange }) {
  const { undo } = call;
  const order = async () => {
    if (!(await sure(t('undo.sure', { tool: call.tool, by: undo.tool }), t('undo')))) return;
    await attempt(() => post(`/api/conversations/${conversation}/trail/${call.id}/undo`, {}), t('undo.begun')).finally(onChange);
  };
  const { by } = undo;
  const who = by && (by.kind === 'user' ? nameOf(by.id) : t(`undo.by.${by.kind}`));
  return html`<div class="trail-undo">
    ${undo.status && html`<p class="row wrap"><${Badge} kind=${UNDONE[undo.status]}>${t(`undo.${undo.status}`)}<//><span class="soft small">${who} · ${moment(undo.ordered_at)}${undo.reason && ` · ${undo.reason}`}${undo.code && ` · ${undo.code}`}</span></p>`}
    ${(!undo.status || undo.status === 'failed') && html`<${Button} kind="compact" onClick=${order}>${t(undo.status ? 'undo.again' : 'undo')}<//>`}
  </div>`;
}

function Call({ conversation, call, onChange }) {
  return html`<li class="trail-call">
    <p class="row"><strong class="clip">${call.tool}</strong><${Badge} kind=${KINDS[call.status] ?? 'info'}>${t(`call.${call.status ?? 'running'}`)}<//></p>
    ${call.agent && html`<p class="soft small">${t('trail.agent', { name: call.agent })}</p>`}
    <code>${call.arguments}</code>
    ${call.cause && html`<p class="small">${call.cause}</p>`}
    ${call.result && !call.cause && html`<p class="small trail-result">${call.result}</p>`}
    ${call.undo && html`<${Undo} conversation=${conversation} call=${call} onChange=${onChange} />`}
  </li>`;
}

function Turn({ conversation, turn }) {
  const found = useData(() => get(`/api/conversations/${conversation}/trail${query({ turn })}`), [conversation, turn]);
  return html`<${Loaded} of=${found} rows=${1}>
    ${({ turns: [trail] }) => {
      if (!trail) return html`<p class="soft small">${t('trail.gone')}</p>`;
      const calls = trail.steps.flatMap((step) => step.calls.map((call) => ({ ...call, agent: step.agent_name })));
      return html`${calls.length > 0 ? html`<ul class="stack tight">${calls.map((call, n) => html`<${Call} key=${n} conversation=${conversation} call=${call} onChange=${found.reload} />`)}</ul>` : html`<p class="soft small">${t('trail.none')}</p>`}
        <p class="soft small">${t('test.tokens', { prompt: trail.prompt_tokens, completion: trail.completion_tokens })}${trail.cost_usd > 0 && ` · ${usd(trail.cost_usd)}`}</p>`;
    }}
  <//>`;
}

/** Closed, it asks for nothing. */
export function Trail({ conversation, turn }) {
  const [open, setOpen] = useState(false);
  return html`<details class="trail" onToggle=${(e) => setOpen(e.currentTarget.open)}><summary>${t('trail')}</summary>${open && html`<${Turn} conversation=${conversation} turn=${turn} />`}</details>`;
}
