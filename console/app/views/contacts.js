// People who write: found, changed, brought together, taken out, forgotten.
import { html, useState } from '../html.js';
import { get, isAdmin, patch, post, query, remove, upload } from '../api.js';
import { moment, t } from '../i18n.js';
import { download } from '../download.js';
import { go, path, route } from '../router.js';
import { Avatar, Badge, Button, Dialog, Empty, Field, Form, Icon, Loaded, Page, Pager, attempt, kindName, sure, useData } from '../ui.js';
import { Tags } from '../inbox/details.js';

const CONSENTS = ['unknown', 'granted', 'withdrawn'];
export const contactName = (c) => c.name || c.phoneNumber || c.email || c.identities[0]?.address || t('contact');

function ContactFields({ values, set, wrong }) {
  const bind = (name) => ({ value: values[name], onInput: (v) => set({ [name]: v }), error: wrong[name] });
  return html`<${Field} label=${t('name')} ...${bind('name')} />
    <div class="columns"><${Field} label=${t('contact.phone')} type="tel" placeholder="+33612345678" ...${bind('phoneNumber')} /><${Field} label=${t('email')} type="email" ...${bind('email')} /></div>
    <${Field} label=${t('contact.consent')} kind="select" ...${bind('consent')}>${CONSENTS.map((c) => html`<option key=${c} value=${c}>${t(`consent.${c}`)}</option>`)}<//>`;
}

const FIELDS = ['name', 'phoneNumber', 'email', 'consent'];
const body = (values) => Object.fromEntries(FIELDS.map((f) => [f, values[f]?.trim() || null]).filter(([f, v]) => f !== 'consent' || v));

function NewContact({ onClose, onMade }) {
  const [values, setValues] = useState({ consent: 'unknown' });
  const make = async () => onMade(await post('/api/contacts', body(values)));
  return html`<${Dialog} title=${t('contact.new')} onClose=${onClose}>
    ${(close) => html`<${Form} submit=${t('create')} fields=${FIELDS} onSubmit=${() => make().then(close)}>
      ${(wrong) => html`<${ContactFields} values=${values} set=${(v) => setValues((old) => ({ ...old, ...v }))} wrong=${wrong} />`}<//>`}
  <//>`;
}

function Import({ onClose, onDone }) {
  const [report, setReport] = useState(null);
  const [file, setFile] = useState(null);
  const send = async () => {
    const form = new FormData();
    form.append('file', file, file.name);
    setReport(await upload('/api/contacts/import/csv', form, () => {}));
    onDone();
  };
  return html`<${Dialog} title=${t('contacts.import')} onClose=${onClose}>
    ${(close) => report
      ? html`<p class="banner ${report.refused ? '' : 'good'}" role="status">${t('contacts.imported', { created: report.created, updated: report.updated, refused: report.refused })}</p>
          ${report.errors.length > 0 && html`<ul class="stack tight small">${report.errors.slice(0, 20).map((e) => html`<li key=${e.line}>${t('contacts.line', { line: e.line })} ${e.field}: ${e.message}</li>`)}</ul>`}
          <div class="form-end"><${Button} kind="primary" onClick=${() => void close()}>${t('done')}<//></div>`
      : html`<p class="soft">${t('contacts.import.hint')}</p>
          <${Form} submit=${t('contacts.import')} onSubmit=${send}>${() => html`<label class="field"><span class="legend">${t('contacts.file')}</span><input type="file" accept=".csv,text/csv" onChange=${(e) => setFile(e.target.files[0])} required /></label>`}<//>`}
  <//>`;
}

function Merge({ contact, onClose, onDone }) {
  const [text, setText] = useState('');
  const found = useData(() => (text.trim() ? get(`/api/contacts${query({ search: text.trim(), limit: 10 })}`) : Promise.resolve({ contacts: [] })), [text.trim()]);
  return html`<${Dialog} title=${t('contact.merge')} onClose=${onClose}>
    ${(close) => html`<p class="soft">${t('contact.merge.hint', { name: contactName(contact) })}</p>
      <${Field} label=${t('contacts.search')} type="search" autofocus value=${text} onInput=${setText} />
      <${Loaded} of=${found} rows=${1}>${({ contacts }) => html`<ul class="list">${contacts.filter((c) => c.id !== contact.id).map((c) => html`<li key=${c.id}><${Avatar} name=${contactName(c)} size="little" /><span class="grow clip">${contactName(c)}</span>
        <${Button} kind="compact" onClick=${() => attempt(() => post(`/api/contacts/${contact.id}/merge`, { from: c.id }).then(onDone).then(close), t('done.merged'))}>${t('contact.merge.this')}<//></li>`)}</ul>`}<//>`}
  <//>`;
}

function ContactEditor({ contact, onSaved }) {
  const [values, setValues] = useState({ ...contact, consent: contact.consent });
  const [merging, setMerging] = useState(false);
  const save = async () => onSaved(await patch(`/api/contacts/${contact.id}`, body(values)));
  const split = (i) => attempt(() => post(`/api/contacts/${contact.id}/split`, { channelId: i.channelId, address: i.address }).then(onSaved), t('done.split'));
  const erase = async () => {
    if (!(await sure(t('contact.erase.sure', { name: contactName(contact) }), t('contact.erase')))) return;
    await attempt(() => (contact.identities.length ? post(`/api/contacts/${contact.id}/erase`) : remove(`/api/contacts/${contact.id}`)).then(() => go(path('contacts'))), t('done.erased'));
  };
  return html`<div class="two">
    <section class="card padded"><div class="row"><${Avatar} name=${contactName(contact)} size="big" /><div><h2>${contactName(contact)}</h2><p class="soft small">${t('contact.since', { date: moment(contact.createdAt) })}</p></div></div>
      <${Form} submit=${t('save')} fields=${FIELDS} onSubmit=${save}>${(wrong) => html`<${ContactFields} values=${values} set=${(v) => setValues((old) => ({ ...old, ...v }))} wrong=${wrong} />`}<//></section>
    <div class="stack">
      <section class="card padded"><${Tags} tags=${contact.tags} onChange=${(tags) => attempt(() => patch(`/api/contacts/${contact.id}`, { tags }).then(onSaved))} /></section>
      <section class="card padded"><h2>${t('contact.identities')}</h2>
        ${contact.identities.length === 0 ? html`<p class="soft">${t('contact.identities.none')}</p>` : html`<ul class="stack tight">${contact.identities.map((i) => html`<li key=${i.channelId + i.address} class="row"><${Badge} kind="accent">${kindName(i.channel)}<//><a class="grow clip" href=${`${path('inbox')}${query({ q: i.address, status: 'ALL' })}`}>${i.address}</a>
          ${contact.identities.length > 1 && html`<${Button} kind="compact" onClick=${() => split(i)}>${t('contact.split')}<//>`}</li>`)}</ul>`}
        <div class="row wrap"><${Button} onClick=${() => void setMerging(true)}>${t('contact.merge')}<//>
          ${isAdmin.value && html`<${Button} onClick=${() => attempt(() => download(`/api/contacts/${contact.id}/export`, 'contact.json'))}>${t('export')}<//><${Button} kind="danger" icon="trash" onClick=${erase}>${t('contact.erase')}<//>`}</div></section>
    </div>
    ${merging && html`<${Merge} contact=${contact} onClose=${() => setMerging(false)} onDone=${() => onSaved()} />`}
  </div>`;
}

function ContactView({ id }) {
  const contact = useData(() => get(`/api/contacts/${id}`), [id]);
  return html`<${Page} title=${contact.data ? contactName(contact.data) : t('contact')} back=${[path('contacts'), t('nav.contacts')]}>
    <${Loaded} of=${contact}>${(c) => html`<${ContactEditor} key=${c.updatedAt} contact=${c} onSaved=${contact.reload} />`}<//>
  <//>`;
}

export function Contacts() {
  const { parts } = route.value;
  const [search, setSearch] = useState('');
  const [page, setPage] = useState(1);
  const [dialog, setDialog] = useState(null);
  const contacts = useData(() => get(`/api/contacts${query({ search, page, limit: 25 })}`), [search, page]);
  if (parts[1]) return html`<${ContactView} key=${parts[1]} id=${parts[1]} />`;
  const acts = html`${isAdmin.value && html`<${Button} onClick=${() => attempt(() => download('/api/contacts/export', 'contacts.csv'))}>${t('export')}<//>`}
    <${Button} icon="upload" onClick=${() => void setDialog('import')}>${t('contacts.import')}<//><${Button} kind="primary" icon="plus" onClick=${() => void setDialog('new')}>${t('contact.new')}<//>`;
  return html`<${Page} title=${t('nav.contacts')} lead=${t('contacts.lead')} actions=${acts}>
    <div class="search"><${Icon} name="search" size=${18} /><input type="search" value=${search} onInput=${(e) => (setSearch(e.target.value), setPage(1))} placeholder=${t('contacts.search')} aria-label=${t('contacts.search')} /></div>
    <section class="card" aria-label=${t('nav.contacts')}>
      <${Loaded} of=${contacts}>
        ${(data) => data.contacts.length === 0
          ? html`<${Empty} icon="people" title=${search ? t('contacts.nobody') : t('contacts.none')}><p>${t('contacts.none.hint')}</p><//>`
          : html`<ul class="list">${data.contacts.map((c) => html`<li key=${c.id}><${Avatar} name=${contactName(c)} />
              <div class="grow"><a class="title" href=${path('contacts', c.id)}>${contactName(c)}</a><p class="soft small">${[c.phoneNumber, c.email].filter(Boolean).join(' · ') || c.identities.map((i) => kindName(i.channel)).join(', ')}</p></div>
              ${c.consent !== 'unknown' && html`<${Badge} kind=${c.consent === 'granted' ? 'good' : 'bad'}>${t(`consent.${c.consent}`)}<//>`}
              <span class="row wrap desktop">${c.tags.slice(0, 3).map((tag) => html`<${Badge} key=${tag}>${tag}<//>`)}</span></li>`)}</ul><${Pager} page=${data.pagination} onPage=${setPage} />`}
      <//>
    </section>
    ${dialog === 'new' && html`<${NewContact} onClose=${() => setDialog(null)} onMade=${(c) => go(path('contacts', c.id))} />`}
    ${dialog === 'import' && html`<${Import} onClose=${() => setDialog(null)} onDone=${contacts.reload} />`}
  <//>`;
}
