// Services of other houses that flows use: a calendar and tables of Google's, payments by Stripe, avatars.
import { html, useState } from '../html.js';
import { get, post, put, remove } from '../api.js';
import { t } from '../i18n.js';
import { Badge, Button, CopyText, Field, Form, Icon, Loaded, attempt, notice, sure, useData } from '../ui.js';

/** What each needs, in the order in which its pages show it. */
const SERVICES = {
  google: ['clientEmail', 'privateKey', 'calendarId', 'spreadsheetId', 'timeZone', 'slotMinutes'],
  stripe: ['secretKey', 'publishableKey', 'webhookSecret', 'currency'],
  avatar: ['provider', 'apiKey', 'avatarId', 'voiceId', 'contextId', 'language', 'quality', 'maxSessions', 'maxMinutes', 'idleMinutes'],
};
const SECRET = ['apiKey', 'privateKey', 'secretKey', 'webhookSecret'];
/** What is chosen, not written. */
const CHOICES = { provider: ['heygen', 'liveavatar'], quality: ['low', 'medium', 'high'] };
/** A key of several lines. */
const LONG = ['privateKey'];

function Tried({ provider }) {
  const [result, setResult] = useState(null);
  const test = () => attempt(async () => setResult(await post(`/api/integrations/${provider}/test`)));
  return html`<div class="stack tight"><div><${Button} icon="play" onClick=${test}>${t('channel.test')}<//></div>
    ${result && html`<p class="banner ${result.ok ? 'good' : 'bad'}" role="status"><${Icon} name=${result.ok ? 'check' : 'alert'} size=${18} />${result.ok ? t('service.works') : result.message}</p>`}</div>`;
}

function Setting({ name, ...field }) {
  const label = t(`service.${name}`);
  if (CHOICES[name]) return html`<${Field} label=${label} kind="select" ...${field}><option value=""></option>${CHOICES[name].map((c) => html`<option key=${c} value=${c}>${t(`service.${name}.${c}`)}</option>`)}<//>`;
  return html`<${Field} label=${label} kind=${LONG.includes(name) ? 'textarea' : 'input'} rows="3" autocomplete="off" spellcheck="false" type=${SECRET.includes(name) ? 'password' : 'text'} ...${field} />`;
}

function Service({ provider, service, onChange }) {
  const [values, setValues] = useState(service.settings);
  const fields = SERVICES[provider];
  const save = async () => {
    // What this page does not show, such as another address, stays.
    await put(`/api/integrations/${provider}`, { ...service.settings, ...Object.fromEntries(fields.map((f) => [f, values[f] || null])) });
    notice(t('done.saved'));
    onChange();
  };
  const drop = async () => {
    if (await sure(t('service.remove.sure', { name: t(`service.${provider}`) }), t('remove'))) await attempt(() => remove(`/api/integrations/${provider}`).then(onChange), t('done.removed'));
  };
  return html`<div class="card-head"><h2>${t(`service.${provider}`)}</h2><${Badge} kind=${service.configured ? 'good' : ''}>${service.configured ? t('on') : t('off')}<//></div>
    <p class="soft">${t(`service.${provider}.lead`)}</p>
    <${Form} submit=${t('save')} fields=${fields} onSubmit=${save} extra=${service.configured && html`<${Button} kind="danger" onClick=${drop}>${t('remove')}<//>`}>
      ${(wrong) => fields.map((f) => html`<${Setting} key=${f} name=${f} value=${values[f]} onInput=${(value) => setValues((old) => ({ ...old, [f]: value }))} error=${wrong[f]} />`)}<//>
    ${service.configured && html`<${Tried} provider=${provider} />`}
    ${service.webhookUrl && html`<div class="field"><span class="legend">${t('channel.webhook')}</span><${CopyText} text=${service.webhookUrl} label=${t('channel.webhook')} /></div>`}`;
}

export function Services() {
  const data = useData(async () => {
    const providers = Object.keys(SERVICES);
    const all = await Promise.all(providers.map((p) => get(`/api/integrations/${p}`)));
    return Object.fromEntries(providers.map((p, n) => [p, all[n]]));
  }, []);
  return html`<div class="stack"><p class="soft">${t('services.lead')}</p>
    <${Loaded} of=${data}>${(all) => html`<div class="two">${Object.keys(SERVICES).map((p) => html`<section key=${p} class="card padded" aria-label=${t(`service.${p}`)}><${Service} key=${JSON.stringify(all[p].settings)} provider=${p} service=${all[p]} onChange=${data.reload} /></section>`)}</div>`}<//></div>`;
}
