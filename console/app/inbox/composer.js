// Where a person answers, in words or with a template, or leaves a note that nobody outside sees.
import { html, useEffect, useRef, useState } from '../html.js';
import { post } from '../api.js';
import { t } from '../i18n.js';
import { Button, Icon, notice, said } from '../ui.js';
import { TemplateForm, hasTemplates } from './template-form.js';

/** What was begun and not sent, by conversation, while the page is open. */
const drafts = new Map();

const grow = (area) => {
  area.style.height = 'auto';
  area.style.height = `${Math.min(area.scrollHeight + 2, 240)}px`;
};

export function Composer({ thread, focus, onSaid }) {
  const [text, setText] = useState(drafts.get(thread.id) ?? '');
  const [what, setWhat] = useState('reply');
  const [shut, setShut] = useState(null);
  const area = useRef(null);
  const conversation = thread.conversation.value;
  focus.current = (which) => {
    setWhat(which);
    area.current?.focus();
  };
  const templates = hasTemplates(conversation);
  const templateSaid = () => {
    setShut(null);
    setWhat('reply');
    notice(t('template.sent'));
    onSaid();
  };
  useEffect(() => {
    drafts.set(thread.id, text);
    if (area.current) grow(area.current);
  }, [text, what]);
  const say = async (words) => {
    thread.sending.value = [...thread.sending.value, words];
    try {
      await post(`/api/conversations/${thread.id}/messages`, { text: words });
      setShut(null);
      await thread.load();
      onSaid();
    } finally {
      thread.sending.value = thread.sending.value.filter((w) => w !== words);
    }
  };
  const note = async (words) => {
    await post(`/api/conversations/${thread.id}/notes`, { text: words });
    thread.noted?.();
    notice(t('done.noted'));
  };
  const send = async (event) => {
    event?.preventDefault();
    const words = text.trim();
    if (!words) return;
    setText('');
    try {
      await (what === 'note' ? note : say)(words);
    } catch (error) {
      setText((now) => now || words);
      if (error.code === 'WINDOW_CLOSED') setShut(error.message);
      else notice(said(error), 'bad');
    }
  };
  const key = (event) => {
    if (event.key === 'Escape') area.current.blur();
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    send(event);
  };
  const placeholder = what === 'note' ? t('composer.note') : conversation.mode === 'agent' ? t('composer.take') : t('composer.reply');
  const kinds = templates ? ['reply', 'note', 'template'] : ['reply', 'note'];
  return html`<div class="composer ${what}">
    ${shut && html`<p class="banner" role="alert"><${Icon} name="clock" size=${18} />${shut}${templates && what !== 'template' && html` <${Button} kind="compact" onClick=${() => setWhat('template')}>${t('template.choose')}<//>`}</p>`}
    <div class="composer-tabs" role="group" aria-label=${t('composer.what')}>
      ${kinds.map((id) => html`<button key=${id} type="button" aria-pressed=${id === what} onClick=${() => focus.current(id)}>${t(`composer.${id}.tab`)}</button>`)}
    </div>
    ${what === 'template' ? html`<${TemplateForm} thread=${thread} onSaid=${templateSaid} />` : html`<form onSubmit=${send}>
    <div class="composer-box">
      <textarea ref=${area} rows="1" maxlength="10000" value=${text} onInput=${(e) => setText(e.target.value)} onKeyDown=${key} placeholder=${placeholder} aria-label=${placeholder} />
      <${Button} type="submit" kind="primary" icon=${what === 'note' ? 'note' : 'send'} disabled=${!text.trim()}>${what === 'note' ? t('composer.keep') : t('composer.send')}<//>
    </div>
    </form>`}
  </div>`;
}
