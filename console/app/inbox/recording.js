// What was said in a recording that somebody sent; its sound is shown as every file is.
import { html } from '../html.js';
import { t } from '../i18n.js';

export function Recording({ line }) {
  const { text, cause } = line.heard;
  return html`${line.text && html`<p class="words">${line.text}</p>`}
    ${text ? html`<p class="soft">${t('recording.heard')}</p><p class="words">${text}</p>` : html`<p class="soft">${t('recording.unheard', { cause })}</p>`}`;
}
