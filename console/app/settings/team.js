// Who works here, and what they may do.
import { html, useState } from '../html.js';
import { atLeast, isAdmin, patch, post, session } from '../api.js';
import { moment, t } from '../i18n.js';
import { readPeople } from '../people.js';
import { Avatar, Badge, Button, Dialog, Field, Form, Icon, Loaded, attempt, notice, useData } from '../ui.js';

const ROLES = ['operator', 'admin', 'owner'];
const STATES = { active: 'good', invited: 'info', disabled: '' };
/** Nobody gives a role above their own. */
const grantable = () => ROLES.filter(atLeast);
const roles = (ids) => ids.map((r) => html`<option key=${r} value=${r}>${t(`role.${r}`)}</option>`);

function Invite({ onClose, onDone }) {
  const [values, setValues] = useState({ name: '', email: '', role: 'operator' });
  const bind = (name) => ({ value: values[name], onInput: (value) => setValues((old) => ({ ...old, [name]: value })) });
  const send = async () => {
    await post('/api/users', values);
    notice(t('team.invited', { email: values.email }));
    onDone();
  };
  return html`<${Dialog} title=${t('team.invite')} onClose=${onClose}>
    ${(close) => html`<p class="soft">${t('team.invite.hint')}</p><${Form} submit=${t('team.invite')} fields=${['name', 'email', 'role']} onSubmit=${() => send().then(close)}>
      ${(wrong) => html`<${Field} label=${t('name')} autofocus error=${wrong.name} ...${bind('name')} /><${Field} label=${t('email')} type="email" error=${wrong.email} ...${bind('email')} />
        <${Field} label=${t('role')} kind="select" error=${wrong.role} hint=${t(`role.${values.role}.hint`)} ...${bind('role')}>${roles(grantable())}<//>`}<//>`}
  <//>`;
}

function Person({ user, onChange }) {
  const me = user.id === session.value.user.id;
  const mine = isAdmin.value && atLeast(user.role) && !me;
  const set = (change) => attempt(() => patch(`/api/users/${user.id}`, change).then(onChange), t('done.saved'));
  const again = () => attempt(() => post(`/api/users/${user.id}/invite`), t('team.invited', { email: user.email }));
  return html`<tr>
    <td><div class="row"><${Avatar} name=${user.name} size="little" /><div><p class="title">${user.name}${me && html` <span class="soft">(${t('you')})</span>`}</p><p class="soft small">${user.email}</p></div></div></td>
    <td>${mine ? html`<select class="narrow" aria-label=${t('team.role.of', { name: user.name })} value=${user.role} onChange=${(e) => set({ role: e.target.value })}>${roles([...new Set([...grantable(), user.role])])}</select>` : t(`role.${user.role}`)}</td>
    <td><${Badge} kind=${STATES[user.status]}>${t(`user.${user.status}`)}<//></td>
    <td class="soft small">${user.lastSeenAt ? moment(user.lastSeenAt) : '–'}</td>
    <td class="end">${mine && html`<div class="row end-row">${user.status === 'invited' && html`<${Button} kind="compact" onClick=${again}>${t('team.again')}<//>`}
      <${Button} kind="compact" onClick=${() => set({ disabled: user.status !== 'disabled' })}>${user.status === 'disabled' ? t('switch.on') : t('team.disable')}<//></div>`}</td>
  </tr>`;
}

export function Team() {
  const users = useData(readPeople, []);
  const [dialog, setDialog] = useState(false);
  return html`<div class="stack">
    <div class="card-head"><p class="soft">${t('team.lead')}</p>${isAdmin.value && html`<button type="button" class="button primary" onClick=${() => setDialog(true)}><${Icon} name="plus" size=${18} />${t('team.invite')}</button>`}</div>
    <section class="card"><${Loaded} of=${users}>${(data) => html`<div class="table-wrap" tabindex="0" role="group" aria-label=${t('settings.people')}><table>
      <thead><tr>${['name', 'role', 'team.state', 'team.seen'].map((c) => html`<th key=${c}>${t(c)}</th>`)}<th class="end"><span class="visually-hidden">${t('acts')}</span></th></tr></thead>
      <tbody>${data.users.map((u) => html`<${Person} key=${u.id} user=${u} onChange=${users.reload} />`)}</tbody></table></div>`}<//></section>
    ${dialog && html`<${Invite} onClose=${() => setDialog(false)} onDone=${users.reload} />`}
  </div>`;
}
