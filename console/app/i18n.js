// French and English. A key that one dictionary lacks is found by the tests, not by people.
import { signal } from '../vendor/signals.js';
import en from '../i18n/en.js';
import fr from '../i18n/fr.js';
import { local, read, write } from './store.js';

const dictionaries = { en, fr };
const KEY = 'colloquy.language';

function first() {
  const chosen = read(local(), KEY);
  if (chosen in dictionaries) return chosen;
  const wanted = navigator.languages ?? [navigator.language ?? 'en'];
  return wanted.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in dictionaries) ?? 'en';
}

export const language = signal(first());
document.documentElement.lang = language.value;

export function speak(tag) {
  language.value = tag;
  document.documentElement.lang = tag;
  write(local(), KEY, tag);
}

/** The text of a key, with `{names}` filled in; `key.one` is taken where `count` is one in that language. */
export function t(key, values = {}) {
  const dictionary = dictionaries[language.value];
  const one = 'count' in values && new Intl.PluralRules(language.value).select(values.count) === 'one';
  const text = (one && dictionary[`${key}.one`]) || dictionary[key] || key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name] ?? whole;
    return typeof value === 'number' ? number(value) : value;
  });
}

/** The text of a key that the server made up, or the server's own word. */
export function named(prefix, word) {
  return dictionaries[language.value][`${prefix}.${word}`] ?? word;
}

/** With the person's own region, if they have one for this language: it says how times and numbers are written. */
const locale = () => (navigator.languages ?? []).find((tag) => tag.startsWith(language.value)) ?? language.value;

export const number = (value, options) => new Intl.NumberFormat(locale(), options).format(value);

/** Of small amounts, the parts of a cent as well. */
export const usd = (value) => number(value, { style: 'currency', currency: 'USD', maximumFractionDigits: value && value < 1 ? 4 : 2 });

const DAY = 86_400_000;

/** As lists show it: the hour today, the weekday this week, the day otherwise. */
export function when(iso) {
  if (!iso) return '';
  const at = new Date(iso);
  const today = new Date();
  const days = (today.setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / DAY;
  if (days <= 0) return at.toLocaleTimeString(locale(), { hour: '2-digit', minute: '2-digit' });
  if (days < 7) return at.toLocaleDateString(locale(), { weekday: 'short' });
  return at.toLocaleDateString(locale(), { day: 'numeric', month: 'short' });
}

export const day = (iso) =>
  new Date(iso).toLocaleDateString(locale(), { weekday: 'long', day: 'numeric', month: 'long' });

export const moment = (iso) =>
  iso ? new Date(iso).toLocaleString(locale(), { dateStyle: 'medium', timeStyle: 'short' }) : '';

export function bytes(count) {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
  const power = count < 1 ? 0 : Math.min(3, Math.floor(Math.log10(count) / 3));
  const options = { style: 'unit', unit: units[power], unitDisplay: power ? 'short' : 'long', maximumFractionDigits: power > 1 ? 1 : 0 };
  return number(count / 1000 ** power, options);
}
