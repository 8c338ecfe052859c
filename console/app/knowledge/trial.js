// Try a question: the answer, and which passages were found for it with which scores.
import { html, useState } from '../html.js';
import { post } from '../api.js';
import { number, t } from '../i18n.js';
import { Cited } from '../inbox/line.js';
import { path } from '../router.js';
import { Badge, Button, Empty, Icon, Trouble } from '../ui.js';

const score = (value) => number(value, { maximumFractionDigits: 2, minimumFractionDigits: 2 });

/** The text with the words of the question marked. */
export function Marked({ text, highlights }) {
  const letters = [...text];
  const parts = [];
  let from = 0;
  for (const [start, end] of highlights ?? []) {
    parts.push(letters.slice(from, start).join(''), html`<mark>${letters.slice(start, end).join('')}</mark>`);
    from = end;
  }
  return html`<p class="passage-text">${parts}${letters.slice(from).join('')}</p>`;
}

function Scores({ scores }) {
  const shown = Math.max(0, Math.min(1, scores.shown));
  return html`<div class="scores">
    <span class="meter" title=${t('score.shown.hint')}><span style=${{ width: `${shown * 100}%` }} /></span>
    <strong class="number">${score(scores.shown)}</strong>
    <span class="soft small">${scores.cosine === null ? t('score.words.only') : t('score.meaning', { score: score(scores.cosine) })} · ${t('score.words', { score: score(scores.bm25) })}</span>
  </div>`;
}

function Passage({ passage, number: n }) {
  const place = [...passage.headings, passage.page && t('page', { page: passage.page })].filter(Boolean).join(' › ');
  return html`<li class="passage">
    <div class="row wrap"><span class="mark">${n}</span><a class="title" href=${path('knowledge', 'documents', passage.document_id)}>${passage.document}</a><span class="soft small grow">${place}</span></div>
    <${Scores} scores=${passage.scores} />
    <${Marked} text=${passage.text} highlights=${passage.highlights} />
  </li>`;
}

export function Trial({ base }) {
  const [question, setQuestion] = useState('');
  const [found, setFound] = useState(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const ask = async (event) => {
    event?.preventDefault();
    const text = question.trim();
    if (!text || busy) return;
    setBusy(true);
    setError(null);
    try {
      const [answer, { passages }] = await Promise.all([
        post('/api/ask', { kb: base.name, question: text }),
        post(`/api/knowledge-bases/${base.id}/search`, { query: text, limit: 10 }),
      ]);
      setFound({ answer, passages });
    } catch (failed) {
      setError(failed);
    }
    setBusy(false);
  };
  return html`<div class="stack">
    <form class="ask card padded" onSubmit=${ask}>
      <label class="field"><span class="legend">${t('try.question')}</span>
        <div class="row"><input value=${question} onInput=${(e) => setQuestion(e.target.value)} placeholder=${t('try.example')} maxlength="4000" /><${Button} type="submit" kind="primary" icon="search" busy=${busy}>${t('try.ask')}<//></div>
      </label>
    </form>
    ${error && html`<${Trouble} error=${error} retry=${ask} />`}
    ${!error && !found && html`<div class="card"><${Empty} icon="search" title=${t('try.none')}><p>${t('try.none.hint')}</p><//></div>`}
    ${!error && found && html`
      <section class="card padded" aria-label=${t('try.answer')} aria-live="polite">
        <div class="card-head"><h3>${t('try.answer')}</h3>${found.answer.abstained && html`<${Badge} kind="warn">${t('abstained')}<//>`}</div>
        <${Cited} text=${found.answer.answer} citations=${found.answer.citations} />
      </section>
      <section class="card padded" aria-label=${t('try.passages')}>
        <h3>${t('try.passages')} <span class="soft number">${found.passages.length}</span></h3>
        ${found.passages.length
          ? html`<ol class="passages">${found.passages.map((p, n) => html`<${Passage} key=${n} passage=${p} number=${n + 1} />`)}</ol>`
          : html`<p class="soft row"><${Icon} name="info" size=${18} />${t('try.passages.none')}</p>`}
      </section>`}
  </div>`;
}
