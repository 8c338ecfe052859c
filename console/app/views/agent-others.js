// What an agent does with others, and what it must do in order: colleagues, specialists, routes, journeys.
import { html, useState } from '../html.js';
import { t } from '../i18n.js';
import { Field } from '../ui.js';

export function Chips({ legend, all, chosen, onChange, name, empty }) {
  const toggle = (item) => onChange(chosen.includes(item) ? chosen.filter((c) => c !== item) : [...chosen, item]);
  return html`<fieldset><legend>${legend}</legend>
    ${all.length === 0 && html`<p class="hint">${empty}</p>`}
    <div class="choices">${all.map((item) => html`<label key=${item}><input type="checkbox" checked=${chosen.includes(item)} onChange=${() => toggle(item)} />${name?.(item) ?? item}</label>`)}</div>
  </fieldset>`;
}

/** Other agents, each with a sentence that says when. `of` is the field: `team`, `specialists` or `routes`; `who` names the agent in it. */
function Others({ of, who, list, others, wrong, onChange, more }) {
  const names = [...new Set([...others, ...list.map((m) => m[who])])];
  const choose = (chosen) => onChange(chosen.map((name) => list.find((m) => m[who] === name) ?? { [who]: name, when: '' }));
  const say = (n, change) => onChange(list.map((m, k) => (k === n ? { ...m, ...change } : m)));
  return html`<${Chips} legend=${t(`agent.${of}.who`)} all=${names} chosen=${list.map((m) => m[who])} onChange=${choose} empty=${t('agent.team.none')} />
    <p class="hint">${t(`agent.${of}.hint`)}</p>
    ${list.map((m, n) => html`<${Field} key=${m[who]} label=${t(`agent.${of}.when`, { name: m[who] })} required maxlength="500" value=${m.when} onInput=${(when) => say(n, { when })} error=${wrong[`${of}[${n}].when`] ?? wrong[`${of}[${n}].${who}`]} />
      ${more?.(m, n, say)}`)}`;
}

/** One example a line. */
function Examples({ route, n, say, wrong }) {
  const [text, setText] = useState((route.examples ?? []).join('\n'));
  const change = (value) => {
    setText(value);
    say(n, { examples: value.split('\n').map((line) => line.trim()).filter(Boolean) });
  };
  const error = Object.entries(wrong).find(([field]) => field.startsWith(`routes[${n}].examples`))?.[1];
  return html`<${Field} label=${t('agent.routes.examples', { name: route.to })} hint=${t('agent.routes.examples.hint')} kind="textarea" rows="3" value=${text} onInput=${change} error=${error} />`;
}

/** How it is found out, and how alike is enough. */
function FoundBy({ values, set, wrong }) {
  return html`<div class="columns">
    <${Field} label=${t('agent.route_by')} hint=${t('agent.route_by.hint')} kind="select" value=${values.route_by} onInput=${(route_by) => set({ route_by })} error=${wrong.route_by}>
      ${['model', 'meaning'].map((by) => html`<option key=${by} value=${by}>${t(`agent.route_by.${by}`)}</option>`)}<//>
    ${values.route_by === 'meaning' && html`<${Field} label=${t('agent.route_threshold')} hint=${t('agent.route_threshold.hint')} type="number" min="0" max="1" step="0.05" inputmode="decimal" value=${values.route_threshold} onInput=${(route_threshold) => set({ route_threshold })} error=${wrong.route_threshold} />`}
  </div>`;
}

/** The text of the journeys, until it is JSON. */
function Journeys({ value, wrong, onChange }) {
  const [text, setText] = useState(value.length > 0 ? JSON.stringify(value, null, 2) : '');
  const [broken, setBroken] = useState(null);
  const change = (written) => {
    setText(written);
    try {
      onChange(written.trim() === '' ? [] : JSON.parse(written));
      setBroken(null);
    } catch (error) {
      // What was typed is sent as it is: the server refuses it, so that nothing is lost unseen.
      onChange(written);
      setBroken(t('agent.journeys.broken', { why: error.message }));
    }
  };
  const told = Object.entries(wrong).filter(([field]) => field.startsWith('journeys')).map(([field, what]) => `${field}: ${what}`);
  return html`<${Field} label=${t('agent.journeys.json')} hint=${t('agent.journeys.hint')} kind="textarea" rows="14" spellcheck="false" class="code" value=${text} onInput=${change} error=${broken ?? (told.length > 0 ? told.join(' · ') : undefined)} />`;
}

/** The fields that an agent's form sends as they stand. */
export const OTHERS = ['team', 'specialists', 'routes', 'route_by', 'journeys'];

/** Where the server's word on these fields is shown. */
export const SHOWN = ['team[*', 'specialists[*', 'routes[*', 'journeys*'];

export function OtherAgents({ values, set, others, wrong }) {
  return html`
    <section class="card padded"><h2>${t('agent.team')}</h2>
      <${Others} of="team" who="agent" list=${values.team} others=${others} wrong=${wrong} onChange=${(team) => set({ team })} />
      <${Others} of="specialists" who="agent" list=${values.specialists} others=${others} wrong=${wrong} onChange=${(specialists) => set({ specialists })} />
    </section>
    <details class="card padded more" open=${values.routes.length > 0}><summary>${t('agent.routes')}</summary>
      <${Others} of="routes" who="to" list=${values.routes} others=${others} wrong=${wrong} onChange=${(routes) => set({ routes })}
        more=${(route, n, say) => html`<${Examples} key=${`examples of ${route.to}`} route=${route} n=${n} say=${say} wrong=${wrong} />`} />
      ${wrong.routes && html`<p class="field-error">${wrong.routes}</p>`}
      ${values.routes.length > 0 && html`<${FoundBy} values=${values} set=${set} wrong=${wrong} />`}
    </details>
    <details class="card padded more" open=${values.journeys.length > 0}><summary>${t('agent.journeys')}</summary>
      <${Journeys} value=${values.journeys} wrong=${wrong} onChange=${(journeys) => set({ journeys })} />
    </details>`;
}
