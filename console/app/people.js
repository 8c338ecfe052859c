// The people of the team, by their ids: read once, read again when they change.
import { signal } from '../vendor/signals.js';
import { get, session } from './api.js';
import { t } from './i18n.js';

export const people = signal([]);
let readFor = null;

export async function readPeople() {
  const data = await get('/api/users?limit=100');
  people.value = data.users;
  return data;
}

/** Reads them unless that was done for this person already. */
export function knowPeople() {
  const me = session.value.user?.id;
  if (readFor === me) return;
  readFor = me;
  readPeople().catch(() => (readFor = null));
}

export function nameOf(id) {
  const { user } = session.value;
  if (id === user?.id) return t('you');
  return people.value.find((p) => p.id === id)?.name ?? t('speaker.operator');
}
