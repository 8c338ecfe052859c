// A message that the provider approved beforehand: the only one that reaches somebody who has not written for long.
import { html, useEffect, useState } from '../html.js';
import { get, post, query } from '../api.js';
import { t } from '../i18n.js';
import { Markdown } from '../markdown.js';
import { Field, Form, Loaded, useData } from '../ui.js';

const PAGE = 100;
/** Typing rests so long before a preview is asked for. */
const REST = 250;

/** The channels whose provider approves templates; elsewhere a reply may be sent at any time. */
export const hasTemplates = (conversation) => conversation.kind === 'whatsapp';

/** What the channel's provider approved, or the providers of all channels. */
export async function approved(channel) {
  const found = [];
  for (let page = 1, pages = 1; page <= pages; page++) {
    const data = await get(`/api/templates${query({ page, limit: PAGE })}`);
    pages = data.pagination.totalPages;
    found.push(...data.templates.filter((one) => one.channelId && (!channel || one.channelId === channel) && one.status === 'APPROVED'));
  }
  return { templates: found };
}

/** The highest number of `{{1}}`, `{{2}}`, … in a text. */
const gaps = (text) => Math.max(0, ...[...(text ?? '').matchAll(/\{\{\s*(\d+)\s*\}\}/g)].map(([, number]) => Number(number)));

/** What fills a template, part by part: a label and an example for each value. */
export function wanted({ components }) {
  const asked = { header: [], body: [], buttons: [] };
  for (const part of components) {
    if (part.type === 'HEADER') {
      const file = part.format && part.format !== 'TEXT';
      const count = file ? 1 : gaps(part.text);
      for (let n = 0; n < count; n++) asked.header.push({ label: file ? t('template.file') : t('template.header'), example: file ? 'https://' : part.example?.header_text?.[n] });
    } else if (part.type === 'BODY') {
      for (let n = 0; n < gaps(part.text); n++) asked.body.push({ label: `{{${n + 1}}}`, example: part.example?.body_text?.[0]?.[n] });
    } else if (part.type === 'BUTTONS') {
      for (const button of part.buttons) if (gaps(button.url) > 0) asked.buttons.push({ label: t('template.button', { name: button.text }), example: button.url });
    }
  }
  return asked;
}

export const PARTS = ['header', 'body', 'buttons'];
export const empty = (asked) => Object.fromEntries(PARTS.map((part) => [part, asked[part].map(() => '')]));

function Preview({ template, parameters }) {
  const [text, setText] = useState('');
  useEffect(() => {
    const full = PARTS.every((part) => parameters[part].every((value) => value.trim()));
    if (!full) return setText('');
    const asked = setTimeout(async () => {
      // What is wrong with a value is said when it is sent.
      const data = await post(`/api/templates/${template.id}/preview`, { parameters }).catch(() => null);
      setText(data?.text ?? '');
    }, REST);
    return () => clearTimeout(asked);
  }, [template, parameters]);
  return text && html`<blockquote class="template-preview" aria-label=${t('template.preview')}><${Markdown} text=${text} /></blockquote>`;
}

function Filling({ template, thread, onSaid }) {
  const asked = wanted(template);
  const [parameters, setParameters] = useState(empty(asked));
  const change = (part, place, value) => setParameters((now) => ({ ...now, [part]: now[part].map((old, n) => (n === place ? value : old)) }));
  const send = async () => {
    const content = { name: template.name, language: template.language, parameters };
    await post(`/api/conversations/${thread.id}/messages`, { type: 'template', content });
    await thread.load();
    onSaid();
  };
  const fields = PARTS.flatMap((part) => asked[part].map((_, n) => `content.parameters.${part}[${n}]`));
  return html`<${Form} onSubmit=${send} submit=${t('template.send')} fields=${fields}>
    ${(wrong) => html`${PARTS.map((part) => asked[part].map(
        ({ label, example }, n) => html`<${Field} key=${`${part}${n}`} label=${label} hint=${example && t('template.example', { example })} error=${wrong[`content.parameters.${part}[${n}]`]} value=${parameters[part][n]} onInput=${(value) => change(part, n, value)} required />`,
      ))}
      <${Preview} template=${template} parameters=${parameters} />`}
  <//>`;
}

export function TemplateForm({ thread, onSaid }) {
  const { channel } = thread.conversation.value;
  const found = useData(() => approved(channel), [channel]);
  const [id, setId] = useState('');
  return html`<div class="template-form">
    <${Loaded} of=${found} rows=${2}>
      ${({ templates }) => {
        if (!templates.length) return html`<p class="soft">${t('template.none')}</p>`;
        const template = templates.find((one) => one.id === id);
        return html`<${Field} kind="select" label=${t('template.which')} value=${id} onInput=${setId}>
            <option value="">${t('template.choose')}</option>
            ${templates.map((one) => html`<option key=${one.id} value=${one.id}>${one.name} · ${one.language}</option>`)}
          <//>
          ${template && html`<${Filling} key=${template.id} template=${template} thread=${thread} onSaid=${onSaid} />`}`;
      }}
    <//>
  </div>`;
}
