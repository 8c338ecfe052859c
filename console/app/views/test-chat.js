// A chat with an agent as it is saved: nothing is kept, sent or run.
import { html, useLayoutEffect, useRef, useState } from '../html.js';
import { post } from '../api.js';
import { t } from '../i18n.js';
import { Badge, Button, Empty, Icon, IconButton, said } from '../ui.js';
import { Cited } from '../inbox/line.js';

function Given({ answer }) {
  const { passages, calls, usage } = answer;
  return html`<details class="given"><summary>${t('test.why', { count: passages.length })}</summary>
    ${calls.length > 0 && html`<ul class="stack tight">${calls.map((c, n) => html`<li key=${n}><${Badge} kind="info">${c.tool}<//> <code>${c.arguments}</code></li>`)}</ul>`}
    <ol class="passages">${passages.map((p, n) => html`<li key=${n} class="passage"><p class="row"><span class="mark">${n + 1}</span><strong class="clip">${p.document}</strong>${p.page && html`<span class="soft small">${t('page.short', { page: p.page })}</span>`}</p><p class="passage-text">${p.text}</p></li>`)}</ol>
    ${usage.prompt_tokens > 0 && html`<p class="soft small">${t('test.tokens', { prompt: usage.prompt_tokens, completion: usage.completion_tokens })}</p>`}
  </details>`;
}

export function TestChat({ agent, dirty }) {
  const [lines, setLines] = useState([]);
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const box = useRef(null);
  useLayoutEffect(() => {
    box.current.scrollTop = box.current.scrollHeight;
  }, [lines.length, busy]);
  const send = async (event) => {
    event.preventDefault();
    const message = text.trim();
    if (!message || busy) return;
    const history = lines.filter((l) => l.text).map(({ speaker, text: words }) => ({ speaker, text: words }));
    setText('');
    setBusy(true);
    setLines((old) => [...old, { speaker: 'person', text: message }]);
    try {
      const answer = await post(`/api/agents/${agent.id}/test`, { message, history });
      setLines((old) => [...old, { speaker: 'agent', text: answer.answer, answer }]);
    } catch (error) {
      setLines((old) => [...old, { speaker: 'agent', error: said(error) }]);
    }
    setBusy(false);
  };
  return html`<aside class="card test-chat" aria-label=${t('test')}>
    <header class="row"><h2 class="grow">${t('test')}</h2><${IconButton} icon="reopen" size=${18} label=${t('test.again')} onClick=${() => setLines([])} /></header>
    ${dirty && html`<p class="banner info"><${Icon} name="info" size=${18} />${t('test.dirty')}</p>`}
    <div class="lines" ref=${box} role="log" aria-label=${t('test')} tabindex="0">
      ${lines.length === 0 && html`<${Empty} icon="chat" title=${t('test.none')}><p>${t('test.none.hint')}</p><//>`}
      ${lines.map(
        (l, n) => html`<article key=${n} class="line ${l.speaker === 'person' ? 'operator' : 'agent'}"><div class="bubble">
          ${l.error ? html`<p class="field-error">${l.error}</p>` : l.answer ? html`<${Cited} text=${l.text} citations=${l.answer.citations} />${l.answer.abstained && html`<${Badge} kind="warn">${t('abstained')}<//>`}<${Given} answer=${l.answer} />` : html`<p class="words">${l.text}</p>`}
        </div></article>`,
      )}
      ${busy && html`<p class="typing" role="status"><span /><span /><span /><span class="visually-hidden">${t('thread.typing')}</span></p>`}
    </div>
    <form class="composer-box" onSubmit=${send}>
      <input value=${text} onInput=${(e) => setText(e.target.value)} placeholder=${t('test.message')} aria-label=${t('test.message')} maxlength="8000" />
      <${Button} type="submit" kind="primary" icon="send" disabled=${!text.trim() || busy}>${t('composer.send')}<//>
    </form>
  </aside>`;
}
