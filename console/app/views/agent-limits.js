// How much an agent may use single tools.
import { html } from '../html.js';
import { named, t } from '../i18n.js';
import { Field } from '../ui.js';

const NUMBERS = ['per_minute', 'per_day', 'money_per_day'];
const FIELDS = [...NUMBERS, 'amount'];
const empty = (value) => value === '' || value === null || value === undefined;

/** As it is sent: what is left empty limits nothing. */
export function limitsOf(limits) {
  const said = Object.entries(limits).map(([tool, of]) => {
    const given = FIELDS.filter((name) => !empty(of[name])).map((name) => [name, Number.isNaN(Number(of[name])) ? of[name] : Number(of[name])]);
    return [tool, Object.fromEntries(given)];
  });
  return Object.fromEntries(said.filter(([, of]) => Object.keys(of).length > 0));
}

export const limitFields = (tools) => tools.flatMap((tool) => FIELDS.map((name) => `tool_limits.${tool}.${name}`));

/** One row for each tool that the agent has. */
export function ToolLimits({ tools, limits, wrong, onChange }) {
  if (tools.length === 0) return null;
  const set = (tool, name) => (value) => onChange({ ...limits, [tool]: { ...limits[tool], [name]: value } });
  const bind = (tool, name) => ({ label: t(`limits.${name}`), value: limits[tool]?.[name] ?? '', onInput: set(tool, name), error: wrong[`tool_limits.${tool}.${name}`] });
  return html`<details><summary>${t('limits')}</summary>
    <p class="hint">${t('limits.hint')}</p>
    ${tools.map((tool) => html`<fieldset key=${tool}><legend>${named('tool', tool)}</legend>
      <div class="columns">${NUMBERS.map((name) => html`<${Field} key=${name} type="number" min=${name === 'money_per_day' ? 0 : 1} step=${name === 'money_per_day' ? 'any' : 1} inputmode="decimal" ...${bind(tool, name)} />`)}
        <${Field} placeholder="/amount" ...${bind(tool, 'amount')} /></div>
    </fieldset>`)}
  </details>`;
}
