// What a team wants to spend in a month, and how long it keeps what was said.
import { html, useState } from '../html.js';
import { atLeast, get, patch, put } from '../api.js';
import { t, usd } from '../i18n.js';
import { Badge, Field, Form, Loaded, notice, useData } from '../ui.js';

/** What is kept for a number of days, or for ever. */
const KEPT = ['messages', 'conversations', 'events', 'outreach', 'simulations', 'agentVersions', 'audit'];
const filled = (value) => (value === '' || value === null || value === undefined ? null : Number(value));

function Budget({ budget, onSaved }) {
  const [monthly, setMonthly] = useState(budget.monthlyUsd ?? '');
  const save = async () => {
    await put('/api/budget', { monthlyUsd: filled(monthly) });
    notice(t('done.saved'));
    onSaved();
  };
  return html`<div class="card-head"><h2>${t('budget')}</h2>${budget.spent && html`<${Badge} kind="bad">${t('budget.spent.all')}<//>`}</div>
    <p class="soft">${t('budget.lead')}</p>
    <p>${t('budget.spent', { spent: usd(budget.spentUsd) })}${budget.leftUsd !== null && ` ${t('budget.left', { left: usd(budget.leftUsd) })}`}</p>
    <${Form} submit=${t('save')} fields=${['monthlyUsd']} onSubmit=${save}>${(wrong) => html`<${Field} label=${t('budget.monthly')} hint=${t('budget.hint')} type="number" min="0" step="0.01" inputmode="decimal" value=${monthly} onInput=${setMonthly} error=${wrong.monthlyUsd} />`}<//>`;
}

function Retention({ retention, onSaved }) {
  const [days, setDays] = useState(retention);
  const save = async () => {
    await patch('/api/settings', { retention: Object.fromEntries(KEPT.map((name) => [name, filled(days[name])])) });
    notice(t('done.saved'));
    onSaved();
  };
  const mine = atLeast('owner');
  return html`<h2>${t('retention')}</h2><p class="soft">${t('retention.lead')}</p>${!mine && html`<p class="soft small">${t('retention.owners')}</p>`}
    <${Form} submit=${t('save')} fields=${KEPT.map((name) => `retention.${name}`)} onSubmit=${save}>${(wrong) => html`<fieldset class="stack" disabled=${!mine}>
      ${KEPT.map((name) => html`<${Field} key=${name} label=${t(`retention.${name}`)} hint=${t('retention.hint')} type="number" min="1" max="36500" inputmode="numeric" value=${days[name]} onInput=${(value) => setDays((old) => ({ ...old, [name]: value }))} error=${wrong[`retention.${name}`]} />`)}</fieldset>`}<//>`;
}

export function Limits() {
  const data = useData(async () => {
    const [budget, settings] = await Promise.all([get('/api/budget'), get('/api/settings')]);
    return { budget, retention: settings.retention };
  }, []);
  return html`<${Loaded} of=${data}>${({ budget, retention }) => html`<div class="two">
    <section class="card padded" aria-label=${t('budget')}><${Budget} budget=${budget} onSaved=${data.reload} /></section>
    <section class="card padded" aria-label=${t('retention')}><${Retention} retention=${retention} onSaved=${data.reload} /></section></div>`}<//>`;
}
