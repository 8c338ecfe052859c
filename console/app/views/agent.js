// One agent: its fields on one side, a chat that nothing is kept of on the other.
import { html, useState } from '../html.js';
import { get, isAdmin, patch, remove } from '../api.js';
import { named, t } from '../i18n.js';
import { go, path } from '../router.js';
import { Button, Check, Field, Form, Loaded, Page, attempt, notice, sure, useData } from '../ui.js';
import { TemplateFallback, fallbackFields } from './agent-fallback.js';
import { ToolLimits, limitFields, limitsOf } from './agent-limits.js';
import { AgentDraft, AgentVersions, tryOut } from './agent-versions.js';
import { Chips, OTHERS, OtherAgents, SHOWN } from './agent-others.js';
import { TestChat } from './test-chat.js';

const PROVIDERS = ['extractive', 'openai'];
const TOOLS = ['search_knowledge', 'hand_over'];
/** What is written as it stands in the form. */
const PLAIN = ['name', 'enabled', 'instructions', 'language', 'knowledge', 'tools', ...OTHERS, 'during_turn', 'approvals', 'follow_ups', 'unsupported', 'no_answer', 'template_fallback'];
const NUMBERS = ['passages', 'min_cosine', 'route_threshold', 'gather_quiet_ms', 'history', 'max_steps', 'deadline_seconds', 'daily_budget_usd', 'return_after_seconds'];

const filled = (value) => (value === '' || value === null || value === undefined ? undefined : Number(value));

/** What is sent: everything, so that the server says all that is wrong at once. */
function body(values) {
  const { provider, model, temperature, max_tokens, sees_images } = values.model;
  const choice = { provider, model: model ?? '', temperature: filled(temperature) ?? null, max_tokens: filled(max_tokens) ?? null, sees_images };
  const { enabled, en, fr, again_after_days, after_person } = values.disclosure;
  const disclosure = { enabled, en: en || null, fr: fr || null, again_after_days: filled(again_after_days) ?? null, after_person };
  const plain = Object.fromEntries(PLAIN.map((name) => [name, values[name]]));
  const numbers = Object.fromEntries(NUMBERS.map((name) => [name, filled(values[name])]));
  return { ...plain, ...numbers, model: choice, disclosure, tool_limits: limitsOf(values.tool_limits) };
}

/** A list to choose from; a value that this console does not know stays choosable. */
function Choice({ label, hint, value, options, onInput, error }) {
  const known = options.some(([id]) => id === value) ? options : [...options, [value, value]];
  return html`<${Field} label=${label} hint=${hint} kind="select" value=${value} onInput=${onInput} error=${error}>${known.map(([id, text]) => html`<option key=${id} value=${id}>${text}</option>`)}<//>`;
}

function Fields({ values, set, bases, offered, others, wrong }) {
  const bind = (name) => ({ value: values[name], onInput: (value) => set({ [name]: value }), error: wrong[name] });
  const model = (name) => ({ value: values.model[name], onInput: (value) => set({ model: { ...values.model, [name]: value } }) });
  const says = (name) => ({ value: values.disclosure[name], onInput: (value) => set({ disclosure: { ...values.disclosure, [name]: value } }), error: wrong[`disclosure.${name}`] });
  const number = (name, min, max, step = 1) => ({ label: t(`agent.${name}`), hint: t(`agent.${name}.hint`), type: 'number', min, max, step, inputmode: 'decimal', ...bind(name) });
  const options = (name, ids) => ({ label: t(`agent.${name}`), options: ids.map((id) => [id, t(`agent.${name}.${id}`)]), ...bind(name) });
  const tools = [...new Set([...TOOLS, ...offered, ...values.tools])];
  return html`
    <section class="card padded"><h2>${t('agent.who')}</h2>
      <div class="columns"><${Field} label=${t('name')} required ...${bind('name')} />
        <${Choice} label=${t('language')} value=${values.language} onInput=${(language) => set({ language })} error=${wrong.language} options=${['auto', 'en', 'fr'].map((l) => [l, t(`language.${l}`)])} /></div>
      <${Field} label=${t('agent.instructions')} hint=${t('agent.instructions.hint')} kind="textarea" rows="8" maxlength="20000" ...${bind('instructions')} />
      <${Check} label=${t('agent.enabled')} checked=${values.enabled} onChange=${(enabled) => set({ enabled })} />
      <${Check} label=${t('agent.disclosure')} checked=${values.disclosure.enabled} onChange=${says('enabled').onInput} />
      ${values.disclosure.enabled && html`
        <div class="columns">${['en', 'fr'].map((l) => html`<${Field} key=${l} label=${t(`agent.disclosure.${l}`)} hint=${t('agent.disclosure.hint')} kind="textarea" rows="2" maxlength="500" placeholder=${t(`agent.disclosure.${l}.usual`)} ...${says(l)} />`)}</div>
        <${Field} label=${t('agent.disclosure.again')} hint=${t('agent.disclosure.again.hint')} type="number" min="1" max="366" inputmode="numeric" ...${says('again_after_days')} />
        <${Check} label=${t('agent.disclosure.person')} checked=${values.disclosure.after_person} onChange=${says('after_person').onInput} />`}
      <${TemplateFallback} value=${values.template_fallback} wrong=${wrong} onChange=${(template_fallback) => set({ template_fallback })} />
    </section>
    <section class="card padded"><h2>${t('agent.knows')}</h2>
      <${Chips} legend=${t('bases')} all=${bases} chosen=${values.knowledge} onChange=${(knowledge) => set({ knowledge })} empty=${t('agent.no.bases')} />
      <div class="columns"><${Choice} ...${options('no_answer', ['say', 'hand_over'])} /><${Choice} ...${options('unsupported', ['off', 'flag', 'withhold'])} /></div>
      <div class="columns"><${Field} ...${number('passages', 1, 50)} /><${Field} ...${number('min_cosine', 0, 1, 0.05)} /></div>
      <${Choice} hint=${t('agent.follow_ups.hint')} ...${options('follow_ups', ['rewrite', 'together'])} />
    </section>
    <section class="card padded"><h2>${t('agent.does')}</h2>
      <div class="columns"><${Choice} label=${t('agent.provider')} hint=${t('agent.provider.hint')} options=${PROVIDERS.map((p) => [p, t(`provider.${p}`)])} ...${model('provider')} error=${wrong.model} />
        <${Field} label=${t('agent.model')} placeholder=${t('agent.model.usual')} ...${model('model')} /></div>
      <div class="columns"><${Field} label=${t('agent.temperature')} type="number" min="0" max="2" step="0.1" ...${model('temperature')} /><${Field} ...${number('daily_budget_usd', 0, undefined, 0.1)} /></div>
      <${Check} label=${t('agent.sees_images')} checked=${values.model.sees_images} onChange=${model('sees_images').onInput} />
      <${Chips} legend=${t('agent.tools')} all=${tools} chosen=${values.tools} onChange=${(chosen) => set({ tools: chosen })} name=${(tool) => named('tool', tool)} />
      <${ToolLimits} tools=${values.tools} limits=${values.tool_limits} wrong=${wrong} onChange=${(tool_limits) => set({ tool_limits })} />
      <${Choice} hint=${t('agent.approvals.hint')} ...${options('approvals', ['never', 'tainted', 'unsafe'])} />
    </section>
    <${OtherAgents} values=${values} set=${set} others=${others} wrong=${wrong} />
    <details class="card padded more"><summary>${t('agent.rhythm')}</summary>
      <div class="columns"><${Choice} ...${options('during_turn', ['queue', 'merge', 'interrupt', 'reject'])} /><${Field} ...${number('gather_quiet_ms', 0, 60000)} /></div>
      <div class="columns"><${Field} ...${number('history', 0, 200)} /><${Field} ...${number('max_steps', 0, 50)} /></div>
      <div class="columns"><${Field} ...${number('deadline_seconds', 1, 3600)} /><${Field} ...${number('return_after_seconds', 0)} /></div>
    </details>`;
}

function Editor({ agent, bases, offered, others, onSaved, onChange }) {
  const [values, setValues] = useState(agent);
  const set = (change) => setValues((old) => ({ ...old, ...change }));
  const dirty = JSON.stringify(body(values)) !== JSON.stringify(body(agent));
  const save = async () => {
    const saved = await patch(`/api/agents/${agent.id}`, body(values));
    setValues(saved);
    onSaved(saved);
    onChange();
    notice(t('done.saved'));
  };
  const drop = async () => {
    if (!(await sure(t('agent.remove.sure', { name: agent.name }), t('remove')))) return;
    await attempt(() => remove(`/api/agents/${agent.id}`).then(onChange).then(() => go(path('agents'))), t('done.removed'));
  };
  const fields = [...PLAIN, ...NUMBERS, ...SHOWN, ...limitFields(values.tools), ...fallbackFields(values.template_fallback), 'model', 'disclosure.en', 'disclosure.fr', 'disclosure.again_after_days'];
  return html`<div class="agent-editor">
    <${Form} class="stack" onSubmit=${save} submit=${t('save')} fields=${fields}
      extra=${html`<${Button} kind="danger" icon="trash" onClick=${drop}>${t('remove')}<//><a class="button" href=${path('agents', agent.id, 'versions')}>${t('versions')}</a><span class="grow soft small">${dirty && t('unsaved')}</span>${dirty && html`<${Button} onClick=${() => tryOut(agent.id, { changes: body(values) })}>${t('version.try')}<//>`}`}>
      ${(wrong) => html`<fieldset disabled=${!isAdmin.value} class="stack"><${Fields} values=${values} set=${set} bases=${bases} offered=${offered} others=${others} wrong=${wrong} /></fieldset>`}
    <//>
    <${TestChat} agent=${agent} dirty=${dirty} />
  </div>`;
}

/** The agent itself, its versions, or one that is tried. */
export function Agent({ id, view, draft, name, onChange }) {
  if (view === 'versions') return html`<${AgentVersions} id=${id} name=${name ?? t('agent')} onChange=${onChange} />`;
  if (view === 'drafts' && draft) return html`<${AgentDraft} key=${draft} id=${id} draft=${draft} onChange=${onChange} />`;
  return html`<${AgentEditor} id=${id} onChange=${onChange} />`;
}

function AgentEditor({ id, onChange }) {
  const data = useData(async () => {
    const [agent, bases, tools, agents] = await Promise.all([get(`/api/agents/${id}`), get('/api/knowledge-bases?limit=100'), get('/api/tools'), get('/api/agents?limit=100')]);
    const others = agents.agents.filter((a) => a.id !== id).map((a) => a.name);
    return { agent, bases: bases.knowledge_bases.map((b) => b.name), offered: tools.tools.map((tool) => tool.name), others };
  }, [id]);
  return html`<${Page} title=${data.data?.agent.name ?? t('agent')} back=${[path('agents'), t('nav.agents')]}>
    <${Loaded} of=${data}>
      ${({ agent, ...rest }) => html`<${Editor} agent=${agent} ...${rest} onChange=${onChange} onSaved=${(saved) => data.change({ agent: saved, ...rest })} />`}
    <//>
  <//>`;
}
