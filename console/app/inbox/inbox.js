// The inbox: who wrote, what was said, and a person's own word in it.
import { html, useEffect, useMemo, useRef, useState } from '../html.js';
import { gently, hear } from '../live.js';
import { go, path, route } from '../router.js';
import { t } from '../i18n.js';
import { Dialog, Empty } from '../ui.js';
import { Conversations, Thread } from './data.js';
import { ConversationList } from './list.js';
import { ThreadView } from './thread.js';

const REFRESH = 1_500;
/** How long somebody types by one word of the server. */
const TYPING = 6_000;

/** Keys, and what they do; shown by `?`. */
const SHORTCUTS = [
  ['j', 'next'], ['k', 'previous'], ['/', 'search'], ['r', 'reply'], ['n', 'note'], ['t', 'take'], ['e', 'close'], ['?', 'help'],
];

const typed = (event) => event.target.closest('input, textarea, select, dialog, [contenteditable]');

function useShortcuts(acts) {
  const latest = useRef(acts);
  latest.current = acts;
  useEffect(() => {
    const press = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typed(event)) return;
      const act = latest.current[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}

/** The thread of a conversation, which follows what happens in it. */
function useThread(id, list) {
  const thread = useMemo(() => id && new Thread(id), [id]);
  useEffect(() => {
    if (!thread) return;
    let stopped = null;
    const refresh = gently(REFRESH / 3, () => thread.load());
    const off = hear(({ eventType, conversation: about }) => {
      if (about && about !== id) return;
      if (eventType.startsWith('typing')) {
        clearTimeout(stopped);
        thread.typing.value = eventType === 'typing:start';
        stopped = setTimeout(() => (thread.typing.value = false), TYPING);
        return;
      }
      refresh();
    });
    const seen = () => document.hidden || refresh();
    document.addEventListener('visibilitychange', seen);
    refresh();
    return () => {
      off();
      clearTimeout(stopped);
      document.removeEventListener('visibilitychange', seen);
      thread.close();
    };
  }, [thread]);
  const conversation = thread?.conversation.value;
  useEffect(() => {
    if (conversation) list.replace(conversation);
  }, [conversation]);
  return thread;
}

export function Inbox() {
  const { parts, query } = route.value;
  const id = parts[1];
  const list = useMemo(() => new Conversations(), []);
  const filter = { status: query.get('status') ?? 'OPEN', assignedTo: query.get('who') ?? '', search: query.get('q') ?? '', tag: query.get('tag') ?? '' };
  const asked = JSON.stringify(filter);
  const [help, setHelp] = useState(false);
  const composer = useRef(null);
  const search = useRef(null);
  useEffect(() => {
    list.ask({ ...filter, status: filter.status === 'ALL' ? '' : filter.status });
  }, [asked]);
  useEffect(() => {
    const refresh = gently(REFRESH, () => list.refresh());
    return hear(({ eventType }) => eventType.startsWith('typing') || refresh());
  }, []);
  useEffect(() => {
    document.title = `${t('nav.inbox')} · Colloquy`;
  }, []);
  const thread = useThread(id, list);
  const at = list.indexOf(id);
  const open = (index) => {
    const row = list.at(index);
    if (row) go(path('inbox', row.id) + location.search);
  };
  useShortcuts({
    j: () => open(at + 1),
    k: () => open(Math.max(0, at - 1)),
    '/': () => search.current?.focus(),
    '?': () => setHelp(true),
    r: () => composer.current?.write('reply'),
    n: () => composer.current?.write('note'),
    t: () => composer.current?.take(),
    e: () => composer.current?.close(),
  });
  return html`<div class="inbox ${id ? 'has-thread' : ''}">
    <${ConversationList} list=${list} filter=${filter} current=${id} at=${at} search=${search} onHelp=${() => setHelp(true)} />
    ${thread
      ? html`<${ThreadView} key=${id} thread=${thread} control=${composer} onChange=${() => list.refresh()} />`
      : html`<section class="thread-none" aria-label=${t('thread')}>
          <${Empty} icon="chat" title=${t('thread.none')}><p>${t('thread.none.hint')}</p><//>
        </section>`}
    ${help && html`<${Dialog} title=${t('keys')} onClose=${() => setHelp(false)}>
      ${() => html`<dl class="keys">${SHORTCUTS.map(([key, name]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${t(`keys.${name}`)}</dd></div>`)}</dl>`}
    <//>`}
  </div>`;
}
