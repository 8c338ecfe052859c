// What is said, in order, each with a name of its own: sent again, it is still said once.
let posting = false, trying = null, tries = 0;
function queue(words, file) {
  const message = { id: unguessable(), text: words };
  const entry = { ...message, file, speaker: 'person', line: add(bubble('person', words, file?.name)) };
  toEnd();
  if (!file) { state.unsent.push(message); keep(); }
  outbox.push(entry);
  pump();
}
// What a page before this one could not say. What the server has already needs no second line.
const outbox = state.unsent.map((message) => ({ ...message, speaker: 'person', late: true }));
function forget(words) {
  const at = outbox.findIndex((entry) => entry.late && entry.text === words);
  if (at < 0) return;
  const [entry] = outbox.splice(at, 1);
  state.unsent = state.unsent.filter((m) => m.id !== entry.id);
  keep();
}
function fate(entry, words, passing) {
  entry.line.querySelector('.fate')?.remove();
  if (!words) return;
  const said = el('p', { class: 'fate' }, words);
  if (passing) said.append(' ', el('button', { type: 'button', onclick: again }, say.retry));
  entry.line.append(said);
  if (atEnd()) toEnd();
}
async function pump() {
  clearTimeout(trying);
  const entry = outbox[0];
  if (posting || !entry || !caughtUp) return;
  posting = true;
  if (entry.late) { entry.line = add(bubble('person', entry.text)); entry.late = false; toEnd(); }
  const done = () => {
    if (outbox[0] !== entry) return;
    outbox.shift();
    state.unsent = state.unsent.filter((m) => m.id !== entry.id);
    keep();
    fate(entry, '');
    [posting, tries] = [false, 0];
    pump();
  };
  if (!entry.known) {
    entry.known = { speaker: 'person', text: entry.text, file: entry.file?.name, accepted: done };
    shown.push(entry.known);
  }
  try {
    await post(entry, done);
    done();
  } catch (problem) {
    if (outbox[0] !== entry) return;
    posting = false;
    if (problem.final) {
      shown = shown.filter((s) => s !== entry.known);
      done();
      fate(entry, `${say.refused} ${problem.message}`);
      return;
    }
    fate(entry, say.unsent, true);
    trying = setTimeout(pump, problem.wait ?? Math.min(1_000 * 2 ** tries, 30_000));
    tries += 1;
  }
}
async function refusal(response) {
  const body = await response.json().catch(() => ({}));
  const passing = response.status >= 500 || response.status === 429;
  const wait = Number(response.headers.get('retry-after')) * 1_000 || undefined;
  return Object.assign(new Error(body.message ?? response.status), { final: !passing, wait });
}
async function post(entry, accepted) {
  const streams = !streaming, headers = { 'accept-language': lang };
  const about = { channel, session: state.session, message_id: entry.id, stream: streams };
  let body = new FormData();
  if (entry.file) {
    for (const [name, value] of Object.entries({ ...about, file: entry.file })) body.append(name, value);
  } else {
    headers['content-type'] = 'application/json';
    body = JSON.stringify({ ...about, message: entry.text, ...(visitor && { visitor }) });
  }
  const response = await fetch(`${server}/api/chat${entry.file ? '/files' : ''}`, { method: 'POST', credentials: 'omit', headers, body });
  if (!response.ok) throw await refusal(response);
  reached(true);
  if (streams) await stream(response, accepted);
}
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let rest = ''; ;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split('\n\n');
      rest = parts.pop();
      for (const part of parts) {
        const field = (name) => part.split('\n').filter((l) => l.startsWith(`${name}:`)).map((l) => l.slice(name.length + 1).trim()).join('\n');
        if (field('event')) yield { name: field('event'), data: JSON.parse(field('data') || '{}') };
      }
    }
  } finally { reader.cancel().catch(() => {}); }
}
let video = null;
/** A reply as it is written. Screen readers are told of the whole: pieces would be read one by one. */
async function stream(response, accepted) {
  streaming = true;
  let growing = null, words = '', logged = false;
  const session = state.session;
  try {
    for await (const { name, data } of events(response)) {
      if (session !== state.session) return;
      if (name === 'session') { logged = true; accepted(); }
      if (name === 'typing' && !growing) typing('agent', true);
      if (name === 'reset') { words = ''; growing?.remove(); growing = null; }
      if (name === 'delta') {
        words += data.text;
        growing ??= add(el('div', { class: 'line agent', 'aria-live': 'off' }, el('p', { class: 'who' }, say.agent), el('div', { class: 'words', dir: 'auto' })));
        const follow = atEnd();
        growing.lastChild.replaceChildren();
        marked(growing.lastChild, words);
        if (follow) toEnd();
      }
      // The page itself shows who says it: this is only where.
      if (name === 'reply' && data.video_session && data.video_session !== video) {
        video = data.video_session;
        tell('video', { videoSession: video, channel, session });
      }
      if (name === 'reply' && data.reply) {
        typing('agent', false);
        const whole = bubble('agent', data.reply.text);
        sources(whole, data.reply.citations);
        const follow = atEnd();
        if (growing) growing.replaceWith(whole);
        else add(whole);
        if (follow) toEnd();
        growing = null;
        shown.push({ speaker: 'agent', text: data.reply.text });
        news('agent', data.reply.text);
      }
    }
  } catch (problem) {
    // What was logged is answered, and the answer comes by the connection.
    if (!logged) throw problem;
  } finally {
    growing?.remove();
    typing('agent', false);
    streaming = false;
    held.splice(0).forEach((l) => show(l));
  }
}
