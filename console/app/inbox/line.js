// What somebody said, on what it rests, and how far it came.
import { html, useState } from '../html.js';
import { moment, number, t, when } from '../i18n.js';
import { path } from '../router.js';
import { Markdown } from '../markdown.js';
import { Badge, Icon } from '../ui.js';
import { nameOf } from '../people.js';
import { Attachment } from './attachment.js';
import { Recording } from './recording.js';
import { Trail } from './trail.js';

const DELIVERY = { queued: 'clock', uncertain: 'info', sent: 'check', delivered: 'checks', read: 'checks', failed: 'alert' };

function Delivery({ status }) {
  if (!DELIVERY[status]) return null;
  return html`<span class="delivery ${status}" title=${t(`delivery.${status}`)}><${Icon} name=${DELIVERY[status]} size=${15} /><span class="visually-hidden">${t(`delivery.${status}`)}</span></span>`;
}

/** The passages that a reply rests on. */
export function Citations({ citations, shown, onShow }) {
  if (!citations.length) return null;
  return html`<ul class="citations" aria-label=${t('citations')}>
    ${citations.map(
      (c) => html`<li key=${c.number}>
        <button type="button" class="citation" aria-expanded=${shown === c.number} onClick=${() => onShow(shown === c.number ? null : c.number)}>
          <span class="mark">${c.number}</span><span class="clip">${c.document}${c.page ? `, ${t('page.short', { page: c.page })}` : ''}</span>
        </button>
        ${shown === c.number && html`<blockquote>${c.quote}<footer><a href=${path('knowledge', 'documents', c.document_id)}>${t('citation.document')}</a> · ${t('score', { score: number(c.score, { maximumFractionDigits: 2 }) })}</footer></blockquote>`}
      </li>`,
    )}
  </ul>`;
}

/** Words with marks that open their passages. */
export function Cited({ text, citations }) {
  const [shown, setShown] = useState(null);
  const mark = (n) => {
    const cited = citations.find((c) => c.number === n);
    return cited && html`<button type="button" class="mark" aria-label=${t('citation.show', { number: n, document: cited.document })} onClick=${() => setShown(shown === n ? null : n)}>${n}</button>`;
  };
  return html`<${Markdown} text=${text} onCite=${mark} /><${Citations} citations=${citations} shown=${shown} onShow=${setShown} />`;
}

function Ending({ line }) {
  const ended = line.outcome?.outcome;
  if (ended === 'dead_lettered') return html`<p class="ending bad"><${Icon} name="alert" size=${15} />${t('outcome.dead')}: ${line.outcome.cause?.detail ?? ''}</p>`;
  if (ended === 'ignored') return html`<p class="ending"><${Icon} name="info" size=${15} />${t('outcome.ignored')} (${line.outcome.rule})</p>`;
  if (ended === 'handed_over') return html`<p class="ending"><${Icon} name="hand" size=${15} />${t('outcome.handed')}${line.outcome.reason ? ` – ${line.outcome.reason}` : ''}</p>`;
  return null;
}

function Doubts({ line }) {
  const { checks } = line;
  if (!line.abstained && !checks?.withheld && !checks?.unsupported?.length) return null;
  return html`<div class="doubts">
    ${line.abstained && html`<${Badge} kind="warn">${t('abstained')}<//>`}
    ${checks?.withheld && html`<${Badge} kind="info">${t('withheld')}<//>`}
    ${checks?.unsupported?.length > 0 && html`<details><summary>${t('unsupported', { count: checks.unsupported.length })}</summary><ul>${checks.unsupported.map((s) => html`<li key=${s}>${s}</li>`)}</ul></details>`}
  </div>`;
}

/** An answer that came after the window had closed, or the template that went out in its place. */
function Held({ line }) {
  if (line.waits_until) return html`<p class="ending"><${Icon} name="clock" size=${15} />${t('line.waits', { until: moment(line.waits_until) })}</p>`;
  if (line.template && line.speaker === 'agent') return html`<p class="ending"><${Icon} name="info" size=${15} />${t('line.instead', { name: line.template })}</p>`;
  return null;
}

export function Line({ line, conversation }) {
  const { speaker } = line;
  const who = speaker === 'operator' && line.author ? nameOf(line.author) : t(`speaker.${speaker}`);
  const words = line.text || t('kind.unreadable', { kind: line.kind });
  return html`<article class="line ${speaker}">
    <div class="bubble">
      ${speaker === 'agent' ? html`<${Cited} text=${words} citations=${line.citations} /><${Doubts} line=${line} />${line.turn != null && html`<${Trail} conversation=${conversation} turn=${line.turn} />`}` : speaker === 'operator' ? html`<${Markdown} text=${words} />` : line.heard ? html`<${Recording} line=${line} />` : html`<p class="words">${words}</p>`}
      ${line.attachment && html`<${Attachment} id=${line.attachment} />`}
    </div>
    <p class="line-about"><span>${who}</span>${line.at && html`<time datetime=${line.at} title=${moment(line.at)}>${when(line.at)}</time>`}<${Delivery} status=${line.status} /></p>
    <${Held} line=${line} /><${Ending} line=${line} />
  </article>`;
}
