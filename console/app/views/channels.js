// Channels: where people write. A new one is connected step by step.
import { html, useState } from '../html.js';
import { get, isAdmin, patch, post, remove } from '../api.js';
import { moment, t } from '../i18n.js';
import { path, route } from '../router.js';
import { Badge, Button, Check, CopyText, Dialog, Empty, Field, Form, Icon, KIND_ICONS, Loaded, Page, attempt, kindName, notice, sure, useData } from '../ui.js';

const VERIFY = { name: 'verify_token', secret: true, chosen: true };
const META = [{ name: 'access_token', secret: true }, { name: 'app_secret', secret: true }, VERIFY];
const TWILIO = [{ name: 'external_id' }, { name: 'account_sid' }, { name: 'auth_token', secret: true }];
const HOUSES = ['twilio', 'vapi'];

/** What each kind needs, in the order in which the provider's pages show it. `secret` is never shown again; `of` is for this
    provider only. */
export const KINDS = {
  webchat: [],
  telegram: [{ name: 'bot_token', secret: true }],
  whatsapp: [{ name: 'external_id' }, ...META],
  messenger: [{ name: 'external_id' }, { name: 'app_id' }, ...META],
  instagram: [{ name: 'external_id' }, { name: 'app_id' }, ...META],
  twilio_sms: TWILIO,
  twilio_whatsapp: TWILIO,
  line: [{ name: 'access_token', secret: true }, { name: 'channel_secret', secret: true }],
  voice: [{ name: 'provider', options: HOUSES }, { name: 'auth_token', secret: true, of: 'twilio' }, { name: 'webhook_secret', secret: true, of: 'vapi' }, { name: 'transfer_to' }],
};
/** Kinds whose provider can also be a server of one's own. */
const MOVABLE = ['telegram', 'whatsapp', 'messenger', 'instagram', 'twilio_sms', 'twilio_whatsapp', 'line'];

/** What a person need not think of themselves. */
const invented = () => [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, '0')).join('');

export const chatPage = (channel) => `${location.origin}/chat/${channel.id}`;
/** What a page has to say to have the chat. */
const widget = (channel) => `<script src="${location.origin}/widget.js" data-channel="${channel.id}" async></script>`;

/** Those of a kind that are asked for, as far as it is filled in. */
const wanted = (kind, values) => KINDS[kind].filter((f) => !f.of || f.of === values.provider);

function settings(kind, values) {
  const { external_id, ...rest } = values;
  const asked = ['public', 'api_base', ...wanted(kind, values).map((f) => f.name)];
  const given = Object.fromEntries(Object.entries(rest).filter(([name, v]) => v && asked.includes(name)));
  return { external_id, settings: kind === 'webchat' ? { ...given, public: values.public ?? 'true' } : given };
}

function Connect({ agents, onClose, onDone }) {
  const [kind, setKind] = useState(null);
  const [name, setName] = useState('');
  const [agent, setAgent] = useState(agents[0]?.id);
  const [values, setValues] = useState({});
  const choose = (chosen) => {
    setKind(chosen);
    setName(kindName(chosen));
    setValues(Object.fromEntries(KINDS[chosen].filter((f) => f.chosen || f.options).map((f) => [f.name, f.options?.[0] ?? invented()])));
  };
  const connect = async () => {
    const made = await post('/api/channels', { kind, name, agent, ...settings(kind, values) });
    onDone(made, values);
  };
  if (!kind) {
    return html`<${Dialog} title=${t('channel.new')} onClose=${onClose}>
      ${() => html`<ul class="kinds">${Object.keys(KINDS).map((k) => html`<li key=${k}><button type="button" onClick=${() => choose(k)}>
        <span class="tile"><${Icon} name=${KIND_ICONS[k]} /></span><span class="grow"><strong>${kindName(k)}</strong><span class="soft small">${t(`channel.${k}.lead`)}</span></span><${Icon} name="next" size=${18} /></button></li>`)}</ul>`}
    <//>`;
  }
  const set = (name) => (value) => setValues((old) => ({ ...old, [name]: value }));
  const fields = ['name', 'agent', 'external_id', 'settings.api_base', ...KINDS[kind].map((f) => `settings.${f.name}`)];
  return html`<${Dialog} title=${t('channel.connect', { kind: kindName(kind) })} onClose=${onClose}>
    ${(close) => html`<ol class="steps">${[1, 2, 3].map((n) => t(`channel.${kind}.step${n}`)).filter((s, n) => s !== `channel.${kind}.step${n + 1}`).map((s) => html`<li key=${s}>${s}</li>`)}</ol>
      <${Form} submit=${t('channel.submit')} fields=${fields} onSubmit=${() => connect().then(close)}>
        ${(wrong) => html`
          <div class="columns"><${Field} label=${t('name')} required value=${name} onInput=${setName} error=${wrong.name} />
            <${Field} label=${t('agent')} kind="select" value=${agent} onInput=${setAgent} error=${wrong.agent}>${agents.map((a) => html`<option key=${a.id} value=${a.id}>${a.name}</option>`)}<//></div>
          ${wanted(kind, values).map((f) => html`<${Field} key=${f.name} label=${t(`setting.${kind}.${f.name}`)} hint=${f.chosen ? t('setting.chosen') : undefined} autocomplete="off" spellcheck="false" type=${f.secret && !f.chosen ? 'password' : 'text'}
            kind=${f.options ? 'select' : 'input'} value=${values[f.name]} onInput=${set(f.name)} error=${wrong[`settings.${f.name}`] ?? wrong[f.name]}>${f.options?.map((o) => html`<option key=${o} value=${o}>${t(`house.${o}`)}</option>`)}<//>`)}
          ${MOVABLE.includes(kind) && html`<details class="more"><summary>${t('setting.more')}</summary><${Field} label=${t('setting.api_base')} hint=${t('setting.api_base.hint')} type="url" placeholder="https://" value=${values.api_base} onInput=${set('api_base')} error=${wrong['settings.api_base']} /></details>`}
          ${kind === 'webchat' && html`<${Check} label=${t('channel.public')} hint=${t('channel.public.hint')} checked=${(values.public ?? 'true') === 'true'} onChange=${(on) => setValues({ public: on ? 'true' : 'false' })} />`}`}
      <//>`}
  <//>`;
}

/** What the provider's pages want to know now. */
function Connected({ channel, values, onClose }) {
  const polled = channel.kind === 'telegram' && channel.settings.mode !== 'webhook';
  return html`<${Dialog} title=${t('channel.connected', { name: channel.name })} onClose=${onClose}>
    ${(close) => html`
      ${channel.webhook_error && html`<p class="form-error"><${Icon} name="alert" size=${18} />${channel.webhook_error}</p>`}
      ${channel.webhook_url && !polled && !channel.webhook_registered && html`<p>${t('channel.enter')}</p>
        <div class="field"><span class="legend">${t('channel.webhook')}</span><${CopyText} text=${channel.webhook_url} label=${t('channel.webhook')} /></div>
        ${values.verify_token && html`<div class="field"><span class="legend">${t('channel.verify')}</span><${CopyText} text=${values.verify_token} label=${t('channel.verify')} /></div>`}`}
      ${polled && html`<p>${t('channel.polled')}</p>`}
      ${channel.settings.public === 'true' && html`<p>${t('channel.page')}</p><${CopyText} text=${chatPage(channel)} label=${t('channel.address')} />`}
      <${Tested} channel=${channel} />
      <div class="form-end"><${Button} kind="primary" onClick=${() => void close()}>${t('done')}<//></div>`}
  <//>`;
}

function Tested({ channel }) {
  const [result, setResult] = useState(null);
  if (channel.kind === 'webchat') return null;
  const test = () => attempt(async () => setResult(await post(`/api/channels/${channel.id}/test`)));
  return html`<div class="stack tight"><div><${Button} icon="play" onClick=${test}>${t('channel.test')}<//></div>
    ${result && html`<p class="banner ${result.connected ? 'good' : 'bad'}" role="status"><${Icon} name=${result.connected ? 'check' : 'alert'} size=${18} />${result.connected ? t('channel.works', { account: result.account }) : result.message}</p>`}</div>`;
}

const HEALTH = { warning: 'warn', refused: 'bad', stopped: 'bad' };

/** What the provider holds against the channel; nothing, where there is nothing to say. */
function Health({ channel }) {
  const found = useData(() => get(`/api/channels/${channel.id}/health`), [channel.id, channel.updated_at]);
  const health = found.data;
  if (!health || (health.state === 'ok' && !health.token_expires_at)) return null;
  const resume = () => attempt(() => post(`/api/channels/${channel.id}/resume`).then(found.reload), t('done.saved'));
  const { refused, webhooks, notice: told } = health;
  const grave = told && told.gravity !== 'good' && told.gravity !== 'lifted';
  return html`<div class="stack tight">
    ${HEALTH[health.state] && html`<div class="banner ${HEALTH[health.state]}" role="status"><${Icon} name="alert" size=${18} /><div class="grow">
      ${health.stopped_at && html`<p>${t('health.stopped', { at: moment(health.stopped_at) })}</p>`}
      ${refused && html`<p>${t('health.refused', { at: moment(refused.since) })} ${refused.message}</p>`}
      ${grave && html`<p>${t('health.told', { at: moment(told.at) })} <code>${told.what}</code> ${told.detail}</p>`}
      ${webhooks && html`<p>${t('health.webhooks', { count: webhooks.rejected, at: moment(webhooks.last_at) })} ${webhooks.cause}</p>`}
    </div>${health.stopped_at && isAdmin.value && html`<${Button} kind="compact" onClick=${resume}>${t('health.resume')}<//>`}</div>`}
    ${health.token_expires_at && html`<p class="soft small">${t('health.token', { at: moment(health.token_expires_at) })}</p>`}
  </div>`;
}

function Channel({ channel, agents, onChange }) {
  const agent = agents.find((a) => a.id === channel.agent);
  const set = (change, done = t('done.saved')) => attempt(() => patch(`/api/channels/${channel.id}`, change).then(onChange), done);
  const drop = async () => {
    if (!(await sure(t('channel.remove.sure', { name: channel.name }), t('remove')))) return;
    await attempt(() => remove(`/api/channels/${channel.id}`).then(onChange), t('done.removed'));
  };
  const open = channel.settings.public === 'true';
  return html`<li class="card padded channel">
    <div class="row wrap"><span class="tile"><${Icon} name=${KIND_ICONS[channel.kind] ?? 'plug'} /></span>
      <div class="grow"><h2 class="clip">${channel.name}</h2><p class="soft small">${kindName(channel.kind)} · ${t('channel.since', { date: moment(channel.created_at) })}</p></div>
      ${channel.enabled ? html`<${Badge} kind="good">${t('on')}<//>` : html`<${Badge} kind="warn">${t('off')}<//>`}</div>
    ${channel.kind !== 'webchat' && html`<${Health} channel=${channel} />`}
    ${channel.webhook_url && html`<div class="field"><span class="legend">${t('channel.webhook')}</span><${CopyText} text=${channel.webhook_url} label=${t('channel.webhook')} /></div>`}
    ${open && html`<div class="field"><span class="legend">${t('channel.address')}</span><${CopyText} text=${chatPage(channel)} label=${t('channel.address')} /></div>
      <div class="field"><span class="legend">${t('channel.widget')}</span><${CopyText} text=${widget(channel)} label=${t('channel.widget')} /></div>`}
    ${isAdmin.value
      ? html`<label class="field"><span class="legend">${t('channel.answered')}</span><select value=${channel.agent} onChange=${(e) => set({ agent: e.target.value })}>${agents.map((a) => html`<option key=${a.id} value=${a.id}>${a.name}</option>`)}</select></label>
          <${Tested} channel=${channel} />
          <div class="row wrap">
            ${open && html`<a class="button" href=${chatPage(channel)} target="_blank" rel="noopener"><${Icon} name="globe" size=${18} />${t('channel.open')}</a>`}
            ${channel.kind === 'webchat' && html`<${Button} onClick=${() => set({ settings: { public: open ? 'false' : 'true' } })}>${open ? t('channel.private') : t('channel.make.public')}<//>`}
            <${Button} onClick=${() => set({ enabled: !channel.enabled })}>${channel.enabled ? t('switch.off') : t('switch.on')}<//>
            <${Button} kind="danger" icon="trash" onClick=${drop}>${t('remove')}<//>
          </div>`
      : html`<p class="soft small">${t('channel.answered')}: ${agent?.name}</p>`}
  </li>`;
}

export function Channels() {
  const data = useData(async () => {
    const [channels, agents] = await Promise.all([get('/api/channels?limit=100'), get('/api/agents?limit=100')]);
    return { channels: channels.channels, agents: agents.agents };
  }, []);
  const [dialog, setDialog] = useState(route.value.query.get('connect') !== null);
  const [made, setMade] = useState(null);
  const done = (channel, values) => {
    setMade({ channel, values });
    notice(t('channel.made'));
    data.reload();
  };
  const none = data.data?.agents.length === 0;
  const act = isAdmin.value && data.data && !none && html`<button type="button" class="button primary" onClick=${() => setDialog(true)}><${Icon} name="plus" size=${18} />${t('channel.new')}</button>`;
  return html`<${Page} title=${t('nav.channels')} lead=${t('channels.lead')} actions=${act}>
    <${Loaded} of=${data}>
      ${({ channels, agents }) => html`
        ${none && html`<p class="banner info"><${Icon} name="info" size=${18} /><span>${t('channels.no.agent')} <a href=${path('agents')}>${t('nav.agents')}</a></span></p>`}
        ${channels.length === 0
          ? html`<div class="card"><${Empty} icon="plug" title=${t('channels.none')}><p>${t('channels.none.hint')}</p><//></div>`
          : html`<ul class="cards wide">${channels.map((c) => html`<${Channel} key=${c.id} channel=${c} agents=${agents} onChange=${data.reload} />`)}</ul>`}
        ${dialog && !none && html`<${Connect} agents=${agents} onClose=${() => setDialog(false)} onDone=${done} />`}
        ${made && html`<${Connected} channel=${made.channel} values=${made.values} onClose=${() => setMade(null)} />`}`}
    <//>
  <//>`;
}
