// One's own name, password, language and theme, and the team's name.
import { html, useState } from '../html.js';
import { atLeast, get, patch, session, signOut } from '../api.js';
import { moment, t } from '../i18n.js';
import { Badge, Button, Field, Form, Icon, Loaded, notice, useData } from '../ui.js';
import { Preferences } from '../views/preferences.js';

function Name() {
  const { user } = session.value;
  const [name, setName] = useState(user.name);
  const save = async () => {
    const changed = await patch('/api/auth/me', { name });
    session.value = { ...session.value, user: changed.user };
    notice(t('done.saved'));
  };
  return html`<section class="card padded"><h2>${t('account.you')}</h2>
    <${Form} submit=${t('save')} fields=${['name']} onSubmit=${save}>${(wrong) => html`<${Field} label=${t('name')} autocomplete="name" value=${name} onInput=${setName} error=${wrong.name} />
      <p class="soft small">${user.email} · ${t(`role.${user.role}`)}</p>`}<//></section>`;
}

function TeamName() {
  const { tenant } = session.value;
  const [name, setName] = useState(tenant.name);
  if (!atLeast('owner')) return null;
  const save = async () => {
    session.value = { ...session.value, tenant: await patch(`/api/tenants/${tenant.id}`, { name }) };
    notice(t('done.saved'));
  };
  return html`<section class="card padded"><h2>${t('account.team')}</h2>
    <${Form} submit=${t('save')} fields=${['name']} onSubmit=${save}>${(wrong) => html`<${Field} label=${t('name')} autocomplete="organization" value=${name} onInput=${setName} error=${wrong.name} />`}<//></section>`;
}

function Password() {
  const [values, setValues] = useState({ currentPassword: '', password: '' });
  const bind = (name) => ({ value: values[name], onInput: (value) => setValues((old) => ({ ...old, [name]: value })) });
  const save = async () => {
    await patch('/api/auth/me', values);
    notice(t('account.password.done'));
    // Every session ended with the old password.
    await signOut();
  };
  return html`<section class="card padded"><h2>${t('account.password')}</h2>
    <${Form} submit=${t('account.password.change')} fields=${['currentPassword', 'password']} onSubmit=${save}>${(wrong) => html`
      <input hidden autocomplete="username" value=${session.value.user.email} readonly />
      <${Field} label=${t('password.current')} type="password" autocomplete="current-password" error=${wrong.currentPassword} ...${bind('currentPassword')} />
      <${Field} label=${t('password.new')} hint=${t('password.hint')} type="password" autocomplete="new-password" error=${wrong.password} ...${bind('password')} />`}<//></section>`;
}

function Sessions() {
  const sessions = useData(() => get('/api/auth/sessions'), []);
  return html`<section class="card padded"><h2>${t('account.sessions')}</h2>
    <${Loaded} of=${sessions} rows=${1}>${(data) => html`<ul class="stack tight">${data.sessions.map((s) => html`<li key=${s.id} class="row"><${Icon} name="screen" size=${18} /><span class="grow">${moment(s.createdAt)}</span>${s.current && html`<${Badge} kind="good">${t('account.this')}<//>`}</li>`)}</ul>`}<//>
    <div class="form-end"><${Button} icon="out" onClick=${signOut}>${t('sign.out')}<//></div></section>`;
}

export function Account() {
  return html`<div class="two"><div class="stack"><${Name} /><section class="card padded"><h2>${t('account.look')}</h2><${Preferences} /></section><${TeamName} /></div>
    <div class="stack"><${Password} /><${Sessions} /></div></div>`;
}
