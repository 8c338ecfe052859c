// A file that somebody sent: pictures and sound are shown in the thread, everything is there to be kept.
import { html, useEffect, useState } from '../html.js';
import { get, open } from '../api.js';
import { bytes, t } from '../i18n.js';
import { download } from '../download.js';
import { repeat } from '../live.js';
import { Button, Icon, attempt, useData } from '../ui.js';

/** What strangers sent is drawn by the browser in these kinds only: none of them can hold a script. */
const SHOWN = { image: ['image/jpeg', 'image/png', 'image/webp', 'image/gif'], audio: ['audio/ogg', 'audio/mpeg', 'audio/mp4', 'audio/aac', 'audio/wav', 'audio/webm'] };
/** Larger ones are not fetched before somebody asks. */
const MOST = 5_000_000;

/** How often a file that is on its way is looked at. */
const LOOK_EVERY = 3_000;

const plain = (mime) => (mime ?? '').split(';')[0].trim().toLowerCase();
const showing = (file) => Object.keys(SHOWN).find((media) => SHOWN[media].includes(plain(file.mime)) && file.size <= MOST);

/** The content as an address that only this page knows, while it is shown. */
function useContent(file, wanted) {
  const [address, setAddress] = useState(null);
  useEffect(() => {
    if (!wanted) return;
    let made = null;
    const gone = new AbortController();
    open('GET', `/api/attachments/${file.id}/content`, undefined, gone.signal)
      .then(async (response) => {
        if (!response.ok) return;
        const content = new Blob([await response.arrayBuffer()], { type: plain(file.mime) });
        if (gone.signal.aborted) return;
        made = URL.createObjectURL(content);
        setAddress(made);
      })
      .catch(() => {});
    return () => {
      gone.abort();
      if (made) URL.revokeObjectURL(made);
    };
  }, [file.id]);
  return address;
}

function Kept({ file }) {
  const media = showing(file);
  const address = useContent(file, media);
  const name = file.name ?? t(`media.${file.media}`);
  const keep = () => attempt(() => download(`/api/attachments/${file.id}/content`, name));
  return html`${media === 'image' && address && html`<img class="picture" src=${address} alt=${name} />`}
    ${media === 'audio' && address && html`<audio controls src=${address} aria-label=${name} />`}
    <p class="row wrap"><${Icon} name="file" size=${16} /><span class="clip">${name}</span><span class="soft small">${bytes(file.size)}</span><${Button} kind="compact" onClick=${keep}>${t('attachment.keep')}<//></p>`;
}

export function Attachment({ id }) {
  const found = useData(() => get(`/api/attachments/${id}`), [id]);
  const file = found.data;
  useEffect(() => (file?.state === 'waiting' ? repeat(LOOK_EVERY, found.reload) : undefined), [file?.state]);
  if (!file) return found.error ? html`<p class="soft small">${t('attachment.gone')}</p>` : null;
  if (file.state === 'kept') return html`<div class="attachment"><${Kept} file=${file} /></div>`;
  return html`<p class="soft small">${t(`attachment.${file.state}`)}</p>`;
}
