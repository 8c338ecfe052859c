// Scenarios that the server runs: conversations that are tried before customers have them.
import { html, useEffect, useState } from '../html.js';
import { get, isAdmin, post, remove } from '../api.js';
import { download } from '../download.js';
import { repeat } from '../live.js';
import { moment, t, usd } from '../i18n.js';
import { go, path, route } from '../router.js';
import { Badge, Button, Dialog, Empty, Field, Form, Icon, Loaded, Page, Pager, attempt, sure, useData } from '../ui.js';

const LOOK_EVERY = 2_000;
const VERDICTS = { pass: 'good', fail_agent: 'bad', fail_infra: 'bad', fail_user_sim: 'warn', inconclusive: 'warn' };

function State({ of }) {
  if (of.state === 'failed') return html`<${Badge} kind="bad">${t('simulation.failed')}<//>`;
  const kind = of.state === 'running' ? 'info' : of.passed === of.trials ? 'good' : 'bad';
  return html`<${Badge} kind=${kind}>${t(`simulation.${of.state}`, { ran: of.ran, passed: of.passed, trials: of.trials })}<//>`;
}

function NewSimulation({ from, onClose }) {
  const [values, setValues] = useState({ scenario: from ?? '', trials: '' });
  const examples = useData(() => get('/api/simulation-examples'), []);
  const set = (change) => setValues((old) => ({ ...old, ...change }));
  const choose = (name) => set({ scenario: examples.data?.examples.find((e) => e.name === name)?.scenario ?? values.scenario });
  const run = async () => {
    const made = await post('/api/simulations', { scenario: values.scenario, trials: values.trials ? Number(values.trials) : undefined });
    go(path('simulations', made.id));
  };
  return html`<${Dialog} title=${t('simulation.new')} onClose=${onClose}>
    ${(close) => html`<${Form} submit=${t('simulation.run')} fields=${['scenario', 'trials']} onSubmit=${() => run().then(close)}>
      ${(wrong) => html`
        <${Field} label=${t('simulation.example')} kind="select" value="" onInput=${choose}><option value="">–</option>${(examples.data?.examples ?? []).map((e) => html`<option key=${e.name} value=${e.name}>${e.name}</option>`)}<//>
        <${Field} label=${t('simulation.scenario')} hint=${t('simulation.scenario.hint')} kind="textarea" rows="14" class="code" spellcheck="false" required value=${values.scenario} onInput=${(scenario) => set({ scenario })} error=${wrong.scenario} />
        <${Field} label=${t('simulation.trials')} hint=${t('simulation.trials.hint')} type="number" min="1" max="200" value=${values.trials} onInput=${(trials) => set({ trials })} error=${wrong.trials} />`}
    <//>`}
  <//>`;
}

function Run({ id, run }) {
  const report = () => attempt(() => download(`/api/simulations/${id}/report?run=${run.place}`, `simulation-${run.seed}.html`));
  const figures = t('simulation.figures', { seed: run.seed, hours: (run.virtual_seconds / 3600).toFixed(1), replies: run.replies, faults: run.faults });
  return html`<li class="version"><details open=${run.verdict !== 'pass'}>
    <summary class="row"><${Badge} kind=${VERDICTS[run.verdict]}>${t(`verdict.${run.verdict}`)}<//><span class="grow soft small clip">${figures}${run.cost_usd > 0 && ` · ${usd(run.cost_usd)}`}</span></summary>
    <div class="stack">
      ${run.problems.length > 0 && html`<ul class="stack tight">${run.problems.map((p, n) => html`<li key=${n}><code>${p}</code></li>`)}</ul>`}
      ${run.conversations.map((c) => html`<div key=${c.who}><h4>${c.who}</h4>${c.replies.map((said, n) => html`<p key=${n} class="side-by words">${said}</p>`)}</div>`)}
      <div class="form-end"><${Button} onClick=${report}>${t('simulation.report')}<//></div>
    </div>
  </details></li>`;
}

function Compare({ id, others }) {
  const [other, setOther] = useState('');
  const found = useData(() => (other ? get(`/api/simulations/${id}/compare?with=${other}`) : Promise.resolve(null)), [id, other]);
  const side = (s) => t('simulation.side', { verdict: t(`verdict.${s.verdict}`), replies: s.replies, abstentions: s.abstentions, calls: s.tool_calls });
  return html`<section class="card padded"><h2>${t('simulation.compare')}</h2>
    <${Field} label=${t('simulation.compare.with')} hint=${t('simulation.compare.hint')} kind="select" value=${other} onInput=${setOther}><option value="">–</option>${others.map((o) => html`<option key=${o.id} value=${o.id}>${o.name} · ${moment(o.created_at)}</option>`)}<//>
    ${other && html`<${Loaded} of=${found}>${(data) => data && html`<div class="stack">
      <div class="before-after"><p class="side-by">${side(data.a)}</p><p class="side-by">${side(data.b)}</p></div>
      ${data.changed.length === 0 ? html`<p class="soft">${t('version.same')}</p>` : data.changed.map((c, n) => html`<div key=${n}><h4>${t('simulation.answer', { who: c.who, answer: c.answer })}</h4>
        <div class="before-after"><p class="side-by words">${c.a ?? '–'}</p><p class="side-by words">${c.b ?? '–'}</p></div></div>`)}
    </div>`}<//>`}
  </section>`;
}

function Simulation({ id, all, onChange }) {
  const [page, setPage] = useState(1);
  const [again, setAgain] = useState(false);
  const found = useData(async () => {
    const [simulation, runs] = await Promise.all([get(`/api/simulations/${id}`), get(`/api/simulations/${id}/runs?page=${page}&limit=20`)]);
    return { simulation, runs };
  }, [id, page]);
  const state = found.data?.simulation.state;
  useEffect(() => (state === 'running' ? repeat(LOOK_EVERY, () => Promise.all([found.reload(), onChange()])) : undefined), [state]);
  const drop = async () => {
    if (await sure(t('simulation.remove.sure'), t('remove'))) await attempt(() => remove(`/api/simulations/${id}`).then(onChange).then(() => go(path('simulations'))), t('done.removed'));
  };
  return html`<${Page} title=${found.data?.simulation.name ?? t('simulation')} back=${[path('simulations'), t('nav.simulations')]}>
    <${Loaded} of=${found}>${({ simulation, runs }) => html`<div class="stack">
      <section class="card padded">
        <div class="card-head"><h2>${moment(simulation.created_at)}</h2><${State} of=${simulation} /></div>
        ${simulation.cause && html`<p>${simulation.cause}</p>`}
        <details><summary>${t('simulation.scenario')}</summary><pre class="code" tabindex="0">${simulation.scenario}</pre></details>
        ${isAdmin.value && html`<div class="form-end"><${Button} kind="danger" icon="trash" onClick=${drop}>${t('remove')}<//><${Button} onClick=${() => setAgain(true)}>${t('simulation.again')}<//></div>`}
      </section>
      <section class="card" aria-label=${t('simulation.runs')}><ul class="list">${runs.runs.map((run) => html`<${Run} key=${run.place} id=${id} run=${run} />`)}</ul><${Pager} page=${runs.pagination} onPage=${setPage} /></section>
      <${Compare} key=${id} id=${id} others=${all.filter((s) => s.id !== id)} />
      ${again && html`<${NewSimulation} from=${simulation.scenario} onClose=${() => setAgain(false)} />`}
    </div>`}<//>
  <//>`;
}

export function Simulations() {
  const [, id] = route.value.parts;
  const [dialog, setDialog] = useState(false);
  const all = useData(() => get('/api/simulations?limit=50'), []);
  // One that is shown looks by itself.
  const running = !id && all.data?.simulations.some((s) => s.state === 'running');
  useEffect(() => (running ? repeat(LOOK_EVERY, all.reload) : undefined), [running]);
  if (id) return html`<${Simulation} key=${id} id=${id} all=${all.data?.simulations ?? []} onChange=${all.reload} />`;
  const act = isAdmin.value && html`<button type="button" class="button primary" onClick=${() => setDialog(true)}><${Icon} name="plus" size=${18} />${t('simulation.new')}</button>`;
  return html`<${Page} title=${t('nav.simulations')} lead=${t('simulations.lead')} actions=${act}>
    <section class="card"><${Loaded} of=${all}>
      ${(data) => data.simulations.length === 0
        ? html`<${Empty} icon="flask" title=${t('simulations.none')}><p>${t('simulations.none.hint')}</p><//>`
        : html`<ul class="list">${data.simulations.map((s) => html`<li key=${s.id}><span class="tile"><${Icon} name="flask" /></span><a class="title grow" href=${path('simulations', s.id)}>${s.name}</a><span class="soft small">${moment(s.created_at)}</span><${State} of=${s} /></li>`)}</ul>`}
    <//></section>
    ${dialog && html`<${NewSimulation} onClose=${() => setDialog(false)} />`}
  <//>`;
}
