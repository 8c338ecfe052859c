// Settings: who works here, what programs may do, what other systems are told, and what was changed by whom.
import { html } from '../html.js';
import { isAdmin } from '../api.js';
import { t } from '../i18n.js';
import { path, route } from '../router.js';
import { Page, Tabs } from '../ui.js';
import { Account } from './account.js';
import { Audit } from './audit.js';
import { Deliveries } from './deliveries.js';
import { Keys } from './keys.js';
import { Limits } from './limits.js';
import { Services } from './services.js';
import { Team } from './team.js';
import { ToolServers } from './tools.js';
import { Webhooks } from './webhooks.js';

const TABS = { account: Account, people: Team, keys: Keys, webhooks: Webhooks, deliveries: Deliveries, tools: ToolServers, services: Services, limits: Limits, audit: Audit };
const FOR_ALL = ['account', 'people'];

export function Settings() {
  const ids = Object.keys(TABS).filter((id) => isAdmin.value || FOR_ALL.includes(id));
  const wanted = route.value.parts[1];
  const current = ids.includes(wanted) ? wanted : 'account';
  const Shown = TABS[current];
  return html`<${Page} title=${t('nav.settings')}>
    <${Tabs} label=${t('nav.settings')} current=${current} tabs=${ids.map((id) => [id, t(`settings.${id}`), path('settings', id)])} />
    <${Shown} />
  <//>`;
}
