// What surrounds every view: where one can go, who one is, and whether the server is there.
import { html, useEffect, useErrorBoundary, useLayoutEffect, useRef, useState } from '../html.js';
import { isAdmin, reachable, session, signOut } from '../api.js';
import { t } from '../i18n.js';
import { path, route } from '../router.js';
import { Avatar, Dialog, Icon, Trouble } from '../ui.js';
import { Inbox } from '../inbox/inbox.js';
import { Knowledge } from '../knowledge/knowledge.js';
import { Agents } from './agents.js';
import { Analytics } from './analytics.js';
import { Broadcasts } from './broadcasts.js';
import { Channels } from './channels.js';
import { Contacts } from './contacts.js';
import { Preferences } from './preferences.js';
import { Settings } from '../settings/settings.js';
import { Simulations } from './simulations.js';
import { Arrival, Start } from './start.js';

const VIEWS = {
  inbox: ['inbox', Inbox],
  knowledge: ['book', Knowledge],
  agents: ['spark', Agents],
  channels: ['plug', Channels],
  contacts: ['people', Contacts],
  broadcasts: ['send', Broadcasts],
  analytics: ['chart', Analytics],
  simulations: ['flask', Simulations],
  settings: ['cog', Settings],
};
/** Pages of whoever is not signed in; afterwards there is nothing to see there. */
const WAYS_IN = ['login', 'register', 'forgot'];
/** Those that a phone's bar has room for; the others are behind "More". */
const IN_BAR = ['inbox', 'knowledge', 'agents', 'channels'];

function Links({ ids, current, onGo }) {
  return ids.map(
    (id) => html`<a key=${id} href=${path(id)} onClick=${onGo} aria-current=${id === current ? 'page' : undefined}>
      <${Icon} name=${VIEWS[id][0]} /><span>${t(`nav.${id}`)}</span>
    </a>`,
  );
}

function Person({ onOpen }) {
  const { user, tenant } = session.value;
  return html`<button type="button" class="who" onClick=${onOpen} aria-haspopup="dialog">
    <${Avatar} name=${user.name} size="little" />
    <span class="grow"><span class="who-name clip">${user.name}</span><span class="who-team clip">${tenant.name}</span></span>
    <${Icon} name="more" size=${18} />
  </button>`;
}

function Menu({ current, onClose }) {
  const rest = Object.keys(VIEWS).filter((id) => !IN_BAR.includes(id));
  return html`<${Dialog} title=${session.value.user.name} onClose=${onClose}>
    ${(close) => html`
      <p class="soft small">${session.value.user.email} · ${t(`role.${session.value.user.role}`)}</p>
      <nav class="menu-links" aria-label=${t('nav.more')}><${Links} ids=${rest} current=${current} onGo=${close} /></nav>
      <${Preferences} />
      <button type="button" class="button" onClick=${signOut}><${Icon} name="out" size=${18} />${t('sign.out')}</button>`}
  <//>`;
}

function View({ id }) {
  const [error, reset] = useErrorBoundary((failed) => console.error(failed));
  useEffect(reset, [id]);
  if (error) return html`<div class="page"><${Trouble} error=${error} retry=${reset} /></div>`;
  if (id === undefined || WAYS_IN.includes(id)) return html`<${Arrival} />`;
  if (id === 'start') return html`<${Start} />`;
  const [, Shown] = VIEWS[id] ?? [null, Lost];
  return html`<${Shown} />`;
}

const Lost = () => html`<div class="page"><div class="empty"><h1>${t('lost.title')}</h1><a class="button" href=${path('inbox')}>${t('lost.back')}</a></div></div>`;

export function Shell() {
  const [menu, setMenu] = useState(false);
  const main = useRef(null);
  const { parts } = route.value;
  const id = parts[0];
  useLayoutEffect(() => main.current?.scrollTo(0, 0), [id, parts[1]]);
  const shown = useRef(id);
  useEffect(() => {
    // Who follows a link by keyboard or screen reader goes on in the view that it opened.
    if (shown.current !== id) main.current?.querySelector('h1')?.focus({ preventScroll: true });
    shown.current = id;
  }, [id]);
  const toMain = (event) => {
    event.preventDefault();
    main.current.focus();
  };
  const start = isAdmin.value && html`<a href=${path('start')} aria-current=${id === 'start' ? 'page' : undefined}><${Icon} name="play" /><span>${t('nav.start')}</span></a>`;
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${toMain}>${t('nav.skip')}</a>
    <header class="side">
      <a class="brand" href=${path('inbox')}><img src=${new URL('../../icon.svg', import.meta.url).href} alt="" width="28" height="28" /><span>Colloquy</span></a>
      <nav class="nav" aria-label=${t('nav.main')}><${Links} ids=${Object.keys(VIEWS)} current=${id} />${start}</nav>
      <${Person} onOpen=${() => setMenu(true)} />
    </header>
    <main id="main" class="main" tabindex="-1" ref=${main}>
      ${!reachable.value && html`<div class="banner offline" role="status"><span class="spinner" />${t('error.offline')}</div>`}
      <${View} id=${id} />
    </main>
    <nav class="bar" aria-label=${t('nav.main')}>
      <${Links} ids=${IN_BAR} current=${id} />
      <button type="button" onClick=${() => setMenu(true)} aria-haspopup="dialog"><${Icon} name="more" /><span>${t('nav.more')}</span></button>
    </nav>
    ${menu && html`<${Menu} current=${id} onClose=${() => setMenu(false)} />`}
  </div>`;
}
