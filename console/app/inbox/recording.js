// A recording that somebody sent: what was said in it, and its sound, which only a credential opens.
import { html, useEffect, useState } from '../html.js';
import { Failure, open } from '../api.js';
import { t } from '../i18n.js';
import { Button, attempt } from '../ui.js';

async function sound(attachment) {
  const response = await open('GET', `/api/attachments/${attachment}/content`);
  if (!response.ok) throw new Failure(response.status, await response.json().catch(() => null));
  return URL.createObjectURL(await response.blob());
}

export function Recording({ line }) {
  const [url, setUrl] = useState(null);
  useEffect(() => () => void (url && URL.revokeObjectURL(url)), [url]);
  const play = () => attempt(async () => setUrl(await sound(line.attachment)));
  const { text, cause } = line.heard;
  return html`<div class="recording">
    ${line.text && html`<p class="words">${line.text}</p>`}
    ${text ? html`<p class="soft">${t('recording.heard')}</p><p class="words">${text}</p>` : html`<p class="soft">${t('recording.unheard', { cause })}</p>`}
    ${url ? html`<audio controls src=${url} />` : line.attachment && html`<${Button} kind="compact" icon="play" onClick=${play}>${t('recording.play')}<//>`}
  </div>`;
}
