// One conversation: what was said, what can be done with it, and where a person answers.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../html.js';
import { patch, put } from '../api.js';
import { day, t } from '../i18n.js';
import { path } from '../router.js';
import { Avatar, Badge, Button, Icon, IconButton, KIND_ICONS, Loaded, Trouble, attempt, kindName } from '../ui.js';
import { Approvals } from './approvals.js';
import { Composer } from './composer.js';
import { Details } from './details.js';
import { Line } from './line.js';
import { called } from './list.js';

/** Nearer to the end than this, one stays at the end when something comes. */
const NEAR = 120;

function Lines({ thread }) {
  const box = useRef(null);
  const atEnd = useRef(true);
  const lines = thread.lines.value;
  const sending = thread.sending.value;
  const last = lines.at(-1)?.position;
  const height = useRef(0);
  useLayoutEffect(() => {
    const { current } = box;
    if (atEnd.current) current.scrollTop = current.scrollHeight;
    // Older lines came above: what one reads stays where it is.
    else if (current.scrollTop < NEAR) current.scrollTop += current.scrollHeight - height.current;
    height.current = current.scrollHeight;
  }, [lines.length, last, sending.length, thread.typing.value]);
  const scroll = ({ currentTarget: c }) => (atEnd.current = c.scrollHeight - c.scrollTop - c.clientHeight < NEAR);
  const conversation = thread.conversation.value;
  const waiting = conversation?.mode === 'agent' && lines.at(-1)?.speaker === 'person' && !lines.at(-1).outcome;
  let before = null;
  return html`<div class="lines" ref=${box} onScroll=${scroll} tabindex="0" role="log" aria-label=${t('thread.lines')}>
    ${thread.older.value && html`<div class="older"><${Button} kind="compact" onClick=${() => attempt(() => thread.loadOlder())}>${t('thread.older')}<//></div>`}
    ${lines.map((line) => {
      const date = day(line.at);
      const fresh = date !== before;
      before = date;
      return html`${fresh && html`<p key=${date} class="date">${date}</p>`}<${Line} key=${line.id} line=${line} conversation=${thread.id} />`;
    })}
    ${sending.map((text, n) => html`<${Line} key=${`sending-${n}`} line=${{ speaker: 'operator', text, citations: [], status: 'queued' }} />`)}
    ${(waiting || thread.typing.value) && html`<p class="typing" role="status"><span /><span /><span /><span class="visually-hidden">${t('thread.typing')}</span></p>`}
  </div>`;
}

function Head({ thread, acts, panel, onPanel }) {
  const c = thread.conversation.value;
  const taken = c.mode === 'operator';
  return html`<header class="thread-head">
    <a class="icon-button phone" href=${path('inbox') + location.search} aria-label=${t('back')}><${Icon} name="back" /></a>
    <${Avatar} name=${called(c)} />
    <div class="grow">
      <h2 class="clip">${called(c)}</h2>
      <p class="thread-about"><span class="thread-kind desktop"><${Icon} name=${KIND_ICONS[c.kind] ?? 'plug'} size=${14} />${kindName(c.kind)}</span>
        ${taken ? html`<${Badge} kind="warn">${t('mode.operator')}<//>` : html`<${Badge} kind="accent">${t('mode.agent')}<//>`}
        ${c.status === 'CLOSED' && html`<${Badge}>${t('closed')}<//>`}</p>
    </div>
    <div class="thread-acts">
      <${Button} kind=${taken ? 'compact' : 'compact primary'} icon=${taken ? 'bot' : 'hand'} onClick=${acts.take}>${taken ? t('act.return') : t('act.take')}<//>
      <${IconButton} icon=${c.status === 'CLOSED' ? 'reopen' : 'archive'} label=${c.status === 'CLOSED' ? t('act.reopen') : t('act.close')} onClick=${acts.close} />
      <${IconButton} icon="panel" label=${t('details')} aria-pressed=${panel} onClick=${onPanel} />
    </div>
  </header>`;
}

const WIDE = matchMedia('(min-width: 1341px)');

export function ThreadView({ thread, control, onChange }) {
  const [panel, setPanel] = useState(WIDE.matches);
  const composer = useRef(null);
  const conversation = thread.conversation.value;
  const change = (act, done) =>
    attempt(async () => {
      thread.conversation.value = await act();
      await thread.load();
      onChange();
    }, done);
  const acts = {
    take: () => {
      const back = conversation.mode === 'operator';
      return change(() => patch(`/api/conversations/${thread.id}`, { mode: back ? 'agent' : 'operator' }), back ? t('done.returned') : t('done.taken'));
    },
    close: () => {
      const closed = conversation.status === 'CLOSED';
      return change(() => put(`/api/conversations/${thread.id}/${closed ? 'reopen' : 'close'}`), closed ? t('done.reopened') : t('done.closed'));
    },
    write: (what) => composer.current?.(what),
  };
  useEffect(() => {
    control.current = conversation ? acts : null;
  });
  useEffect(() => () => void (control.current = null), []);
  if (!conversation) {
    return html`<section class="thread" aria-label=${t('thread')}>
      ${thread.error.value ? html`<${Trouble} error=${thread.error.value} retry=${() => thread.load()} />` : html`<${Loaded} of=${{}} rows=${6} />`}
    </section>`;
  }
  return html`<section class="thread" aria-label=${t('thread.with', { name: called(conversation) })}>
      <${Head} thread=${thread} acts=${acts} panel=${panel} onPanel=${() => setPanel(!panel)} />
      <${Lines} thread=${thread} />
      <${Approvals} thread=${thread} />
      <${Composer} thread=${thread} focus=${composer} onSaid=${onChange} />
    </section>
    ${panel && html`<${Details} thread=${thread} change=${change} onClose=${() => setPanel(false)} />`}`;
}
