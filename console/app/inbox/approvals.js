// Tool calls of a conversation that wait for a person's word: what is asked, why, and the two answers.
import { html, useState } from '../html.js';
import { post } from '../api.js';
import { moment, named, t, when } from '../i18n.js';
import { path } from '../router.js';
import { Badge, Button, Field, Icon, attempt } from '../ui.js';

/** The arguments as they are read: one line for each, or the text that they are. */
function given(text) {
  try {
    const value = JSON.parse(text);
    if (value && typeof value === 'object' && !Array.isArray(value)) {
      return Object.entries(value).map(([name, v]) => [name, typeof v === 'string' ? v : JSON.stringify(v)]);
    }
  } catch {
    // The model wrote no JSON: it is shown as it is.
  }
  return [['', text]];
}

function Origin({ taint }) {
  const page = taint.page ? `, ${t('page.short', { page: taint.page })}` : '';
  if (taint.from === 'document') return html`<a href=${path('knowledge', 'documents', taint.document)}>${taint.name}${page}</a>`;
  return taint.from === 'tool' ? taint.name : taint.from === 'image' ? t('approval.from.image') : t('approval.from.reply');
}

function Why({ why }) {
  if (!why.tainted.length) return html`<p class="soft small">${t('approval.why.unsafe')}</p>`;
  return html`<ul class="small">
    ${why.tainted.map((taint, n) => html`<li key=${n}>${t('approval.why.tainted', { argument: taint.argument || t('approval.arguments') })} <${Origin} taint=${taint} /></li>`)}
  </ul>`;
}

function Approval({ approval, onDecided }) {
  const [reason, setReason] = useState(null);
  const decide = (act, body, done) => attempt(() => post(`/api/approvals/${approval.id}/${act}`, body), done).finally(onDecided);
  const approve = () => decide('approve', {}, t('approval.approved'));
  const deny = () => decide('deny', reason ? { reason } : {}, t('approval.denied'));
  return html`<article class="approval" aria-label=${t('approval.of', { tool: named('tool', approval.tool) })}>
    <p class="approval-head"><${Icon} name="hand" size=${16} /><strong>${t('approval.of', { tool: named('tool', approval.tool) })}</strong>
      ${approval.overdue && html`<${Badge} kind="warn">${t('approval.overdue')}<//>`}
      <time class="soft small" datetime=${approval.requested_at} title=${moment(approval.requested_at)}>${when(approval.requested_at)}</time></p>
    <dl>${given(approval.arguments).map(([name, value]) => html`<div key=${name}><dt>${name || t('approval.arguments')}</dt><dd>${value}</dd></div>`)}</dl>
    <${Why} why=${approval.why} />
    ${reason !== null && html`<${Field} label=${t('approval.reason')} hint=${t('approval.reason.hint')} maxlength="500" value=${reason} onInput=${setReason} />`}
    <div class="approval-acts">
      ${reason === null
        ? html`<${Button} kind="compact primary" icon="check" onClick=${approve}>${t('approval.approve')}<//><${Button} kind="compact" icon="close" onClick=${() => setReason('')}>${t('approval.deny')}<//>`
        : html`<${Button} kind="compact danger" onClick=${deny}>${t('approval.deny')}<//><${Button} kind="compact" onClick=${() => setReason(null)}>${t('cancel')}<//>`}
    </div>
  </article>`;
}

export function Approvals({ thread }) {
  const open = thread.approvals.value;
  if (!open.length) return null;
  return html`<section class="approvals" aria-label=${t('approvals')}>
    ${open.map((approval) => html`<${Approval} key=${approval.id} approval=${approval} onDecided=${() => thread.load()} />`)}
  </section>`;
}
