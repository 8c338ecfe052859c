// Light or dark: the system's choice unless the person made another one.
import { signal } from '../vendor/signals.js';
import { local, read, write } from './store.js';

const KEY = 'colloquy.theme';

/** `system`, `light` or `dark`. */
export const theme = signal(read(local(), KEY) ?? 'system');

export function show(choice) {
  theme.value = choice;
  if (choice === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  write(local(), KEY, choice === 'system' ? null : choice);
}
