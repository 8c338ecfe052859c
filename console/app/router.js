// Which view is shown: the path behind /console, and the query.
import { signal } from '../vendor/signals.js';

const ROOT = '/console';

function here() {
  const parts = location.pathname.slice(ROOT.length).split('/').filter(Boolean).map(decodeURIComponent);
  return { parts, query: new URLSearchParams(location.search) };
}

export const route = signal(here());

export const path = (...parts) => [ROOT, ...parts.map(encodeURIComponent)].join('/');

export function go(to, { replace = false } = {}) {
  if (to === location.pathname + location.search) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  route.value = here();
}

addEventListener('popstate', () => (route.value = here()));

// Links within the console change the view; everything else is the browser's.
document.addEventListener('click', (event) => {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  const link = event.target.closest?.('a[href]');
  if (!plain || !link || link.target || link.hasAttribute('download') || event.defaultPrevented) return;
  const to = new URL(link.href);
  const inside = to.pathname === ROOT || to.pathname.startsWith(`${ROOT}/`);
  if (to.origin !== location.origin || !inside) return;
  event.preventDefault();
  go(to.pathname + to.search);
});
