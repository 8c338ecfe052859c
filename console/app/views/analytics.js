// Figures of a period, as the server counts them: volumes, answers, hand-overs, waiting times, cost.
import { html, useState } from '../html.js';
import { get } from '../api.js';
import { language, number, t, usd } from '../i18n.js';
import { download } from '../download.js';
import { Button, Empty, Loaded, Page, attempt, kindName, useData } from '../ui.js';

const PERIODS = [7, 30, 90];
const WIDTH = 720;
/** On a phone the same text needs more of the width. */
const NARROW = 340;
const PHONE = matchMedia('(max-width: 760px)');
const HEIGHT = 180;
const percent = (value) => (value === null || value === undefined ? '–' : number(value, { style: 'percent', maximumFractionDigits: 0 }));
const date = (text) => new Date(`${text}T00:00:00`).toLocaleDateString(language.value, { day: 'numeric', month: 'short' });

export function duration(ms) {
  if (ms === null || ms === undefined) return '–';
  if (ms < 1000) return t('milliseconds', { ms: Math.round(ms) });
  return t('seconds', { seconds: number(ms / 1000, { maximumFractionDigits: 1 }) });
}

/** The next round number above. */
function ceiling(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= most) ?? 1;
}

/** Two counts a day, one above the other; the same as a table for who cannot see it. */
export function Bars({ days, series, label }) {
  const top = ceiling(Math.max(1, ...days.map((d) => series.reduce((sum, s) => sum + d[s.of], 0))));
  const room = PHONE.matches ? NARROW : WIDTH;
  const step = room / Math.max(1, days.length);
  const width = Math.max(1.5, Math.min(28, step * 0.68));
  const marks = Math.max(1, Math.ceil(days.length / (PHONE.matches ? 4 : 8)));
  const bar = (d, n) => {
    let y = HEIGHT;
    return series.map((s, k) => {
      const high = (d[s.of] / top) * HEIGHT;
      y -= high;
      return html`<rect key=${`${n}-${k}`} class=${`series-${k}`} x=${n * step + (step - width) / 2} y=${y} width=${width} height=${high} rx="1.5"><title>${date(d.date)} – ${s.name}: ${d[s.of]}</title></rect>`;
    });
  };
  return html`<figure class="chart">
    <svg viewBox=${`-34 -8 ${room + 40} ${HEIGHT + 32}`} role="img" aria-label=${label}>
      ${[0, 0.5, 1].map((share) => html`<g key=${share}><line x1="0" x2=${room} y1=${HEIGHT * (1 - share)} y2=${HEIGHT * (1 - share)} /><text x="-8" y=${HEIGHT * (1 - share) + 4} text-anchor="end">${number(top * share, { notation: 'compact' })}</text></g>`)}
      ${days.map(bar)}
      ${days.map((d, n) => n % marks === 0 && html`<text key=${d.date} x=${n * step + step / 2} y=${HEIGHT + 18} text-anchor="middle">${date(d.date)}</text>`)}
    </svg>
    <figcaption>${series.map((s, k) => html`<span key=${s.of} class="key"><span class=${`swatch series-${k}`} />${s.name}</span>`)}</figcaption>
    <table class="visually-hidden"><caption>${label}</caption><thead><tr><th>${t('analytics.day')}</th>${series.map((s) => html`<th key=${s.of}>${s.name}</th>`)}</tr></thead>
      <tbody>${days.map((d) => html`<tr key=${d.date}><td>${date(d.date)}</td>${series.map((s) => html`<td key=${s.of}>${d[s.of]}</td>`)}</tr>`)}</tbody></table>
  </figure>`;
}

function Tile({ name, value, hint }) {
  return html`<div class="card figure"><p class="soft small">${name}</p><p class="figure-value number">${value}</p>${hint && html`<p class="soft small">${hint}</p>`}</div>`;
}

const answerRate = ({ messagesInByOutcome: o }) => {
  const ended = o.answered + o.merged + o.handedOver + o.deadLettered;
  return ended ? (o.answered + o.merged) / ended : null;
};

function Table({ title, rows, name }) {
  if (!rows.length) return null;
  return html`<section class="card" aria-label=${title}><h2 class="inset">${title}</h2><div class="table-wrap" tabindex="0" role="group" aria-label=${title}><table>
    <thead><tr><th>${t('name')}</th>${['messages', 'answered', 'handed', 'median', 'cost'].map((c) => html`<th key=${c} class="end">${t(`analytics.${c}`)}</th>`)}</tr></thead>
    <tbody>${rows.map((r) => html`<tr key=${r.agentId ?? r.channelId}><td>${name(r)}</td><td class="end number">${number(r.messages)}</td><td class="end number">${percent(answerRate(r))}</td><td class="end number">${number(r.handedOver)}</td><td class="end number">${duration(r.responseTime.p50Ms)}</td><td class="end number">${usd(r.costUsd)}</td></tr>`)}</tbody>
  </table></div></section>`;
}

function Outcomes({ outcomes }) {
  const shown = Object.entries(outcomes).filter(([, n]) => n > 0).sort(([, a], [, b]) => b - a);
  const most = Math.max(1, ...shown.map(([, n]) => n));
  return html`<section class="card padded" aria-label=${t('analytics.outcomes')}><h2>${t('analytics.outcomes')}</h2>
    ${shown.length === 0 ? html`<p class="soft">${t('analytics.nothing')}</p>` : html`<ul class="stack tight">${shown.map(([name, n]) => html`<li key=${name} class="share"><span>${t(`outcome.${name}`)}</span><span class="meter"><span style=${{ width: `${(n / most) * 100}%` }} /></span><span class="number">${number(n)}</span></li>`)}</ul>`}
  </section>`;
}

function Figures({ data }) {
  const { totals } = data.dashboard;
  return html`<div class="figures">
      <${Tile} name=${t('analytics.conversations')} value=${number(totals.conversations)} hint=${t('analytics.today', { count: data.dashboard.today.conversations })} />
      <${Tile} name=${t('analytics.messages')} value=${number(totals.messages)} hint=${t('analytics.today', { count: data.dashboard.today.messages })} />
      <${Tile} name=${t('analytics.answered')} value=${percent(answerRate(totals))} hint=${t('analytics.unknown', { count: totals.replies.doNotKnow })} />
      <${Tile} name=${t('analytics.handed')} value=${number(totals.handedOver)} />
      <${Tile} name=${t('analytics.median')} value=${duration(totals.responseTime.p50Ms)} hint=${t('analytics.p95', { time: duration(totals.responseTime.p95Ms) })} />
      <${Tile} name=${t('analytics.cost')} value=${usd(totals.costUsd)} hint=${t('analytics.tokens', { count: totals.promptTokens + totals.completionTokens })} />
    </div>
    <section class="card padded" aria-label=${t('analytics.activity')}><h2>${t('analytics.activity')}</h2>
      <${Bars} days=${data.overview.dailyActivity} label=${t('analytics.activity')} series=${[{ of: 'received', name: t('analytics.received') }, { of: 'sent', name: t('analytics.sent') }]} /></section>
    <${Outcomes} outcomes=${totals.messagesInByOutcome} />
    <${Table} title=${t('nav.agents')} rows=${data.agents} name=${(r) => r.name ?? '–'} />
    <${Table} title=${t('nav.channels')} rows=${data.channels} name=${(r) => r.name ?? kindName(r.kind ?? '–')} />`;
}

export function Analytics() {
  const [days, setDays] = useState(30);
  const data = useData(async () => {
    const of = (what) => get(`/api/analytics/${what}?days=${days}`);
    try {
      const [dashboard, overview, agents, channels] = await Promise.all(['dashboard', 'overview', 'agents', 'channels'].map(of));
      return { dashboard, overview, agents: agents.agents, channels: channels.channels };
    } catch (error) {
      // An installation of a version that does not count.
      if (error.status === 404) return null;
      throw error;
    }
  }, [days]);
  const acts = data.data && html`
    <select class="narrow" aria-label=${t('analytics.period')} value=${String(days)} onChange=${(e) => setDays(Number(e.target.value))}>${PERIODS.map((d) => html`<option key=${d} value=${String(d)}>${t('analytics.days', { count: d })}</option>`)}</select>
    <${Button} onClick=${() => attempt(() => download(`/api/analytics/export?days=${days}`, 'analytics.csv'))}>${t('export')}<//>`;
  return html`<${Page} title=${t('nav.analytics')} lead=${t('analytics.lead')} actions=${acts}>
    <${Loaded} of=${data}>
      ${(found) => found
        ? html`<${Figures} data=${found} />`
        : html`<div class="card"><${Empty} icon="chart" title=${t('analytics.absent')}><p>${t('analytics.absent.hint')}</p><//></div>`}
    <//>
  <//>`;
}
