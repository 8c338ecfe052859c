// Start here: goes on with the session, then shows who is signed in their console, and others the way in.
import { html, render, useEffect } from './html.js';
import { resume, session } from './api.js';
import { language } from './i18n.js';
import * as live from './live.js';
import { route } from './router.js';
import { Notices, Question } from './ui.js';
import { Shell } from './views/shell.js';
import { Sign } from './views/sign.js';

function Console() {
  const { state } = session.value;
  useEffect(() => {
    if (state !== 'in') return;
    live.start();
    return live.stop;
  }, [state]);
  if (state === 'unknown') return html`<div class="opening"><span class="spinner" /></div>`;
  // A letter's link is for whoever holds it, signed in or not.
  const outside = state === 'out' || route.value.parts[0] === 'reset';
  return html`<div class="whole" key=${language.value}>
    ${outside ? html`<${Sign} />` : html`<${Shell} />`}
    <${Notices} /><${Question} />
  </div>`;
}

render(html`<${Console} />`, document.getElementById('console'));
resume();
