// What an agent's answer is sent as when it comes after the channel's window has closed.
import { html } from '../html.js';
import { t } from '../i18n.js';
import { Field, Loaded, useData } from '../ui.js';
import { PARTS, approved, empty, wanted } from '../inbox/template-form.js';

const FIELD = 'template_fallback';
/** Nobody is asked before it is sent, so nothing of another category is. */
const CATEGORY = 'UTILITY';

export const fallbackFields = (value) => [`${FIELD}.template`, `${FIELD}.parameters`, ...PARTS.flatMap((part) => [`${FIELD}.parameters.${part}`, ...(value?.parameters[part] ?? []).map((_, n) => `${FIELD}.parameters.${part}[${n}]`)])];

function Gaps({ template, value, wrong, onChange }) {
  const asked = wanted(template);
  const set = (part, place) => (text) => {
    const values = asked[part].map((_, n) => (n === place ? text : (value.parameters[part][n] ?? '')));
    onChange({ ...value, parameters: { ...value.parameters, [part]: values } });
  };
  return PARTS.map((part) => asked[part].map(({ label, example }, n) => {
    const error = wrong[`${FIELD}.parameters.${part}[${n}]`] ?? (n === 0 ? (wrong[`${FIELD}.parameters.${part}`] ?? wrong[`${FIELD}.parameters`]) : undefined);
    return html`<${Field} key=${`${part}${n}`} label=${label} hint=${example && t('template.example', { example })} value=${value.parameters[part][n] ?? ''} onInput=${set(part, n)} error=${error} required />`;
  }));
}

/** The template by its name: which language of it is sent depends on the person. */
export function TemplateFallback({ value, wrong, onChange }) {
  const found = useData(() => approved(), []);
  return html`<${Loaded} of=${found} rows=${1}>
    ${({ templates }) => {
      const fit = templates.filter((one) => one.category === CATEGORY);
      const named = (name) => fit.find((one) => one.name === name);
      const names = [...new Set([...fit.map((one) => one.name), ...(value ? [value.template] : [])])];
      const choose = (name) => onChange(name ? { template: name, parameters: empty(wanted(named(name) ?? { components: [] })) } : null);
      const template = value && named(value.template);
      return html`<${Field} kind="select" label=${t('agent.fallback')} hint=${t('agent.fallback.hint')} value=${value?.template ?? ''} onInput=${choose} error=${wrong[`${FIELD}.template`]}>
          <option value="">${t('agent.fallback.none')}</option>
          ${names.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
        <//>
        ${template && html`<${Gaps} template=${template} value=${value} wrong=${wrong} onChange=${onChange} /><p class="hint">${t('agent.fallback.known')}</p>`}`;
    }}
  <//>`;
}
