// The connection: a WebSocket in the protocol of Socket.io, else server-sent events, else asking again and again.
const WAYS = [bySocket, byEvents, byAsking];
let way = 0, wait = 1_000, hangUp = null, calling = null;
const query = () => new URLSearchParams({ channel, session: state.session, after });
function connect() {
  clearTimeout(calling);
  hangUp?.();
  hangUp = null;
  if (!state.session || away) return;
  let over = false;
  const end = (worked) => {
    if (over) return;
    over = true;
    hangUp?.();
    hangUp = null;
    typing('agent', false);
    // What never worked here leads to the next way at once; what did is tried again.
    if (!worked && way < WAYS.length - 1 && navigator.onLine) { way += 1; calling = setTimeout(connect, 0); return; }
    if (way === WAYS.length - 1) way = 0;
    reached(false);
    calling = setTimeout(connect, wait * (0.7 + Math.random() * 0.6));
    wait = Math.min(wait * 2, 30_000);
  };
  const up = () => { wait = 1_000; reached(true); pump(); };
  let stop = () => {};
  hangUp = () => { over = true; stop(); };
  // A page's policy may refuse a way as soon as it is named.
  try { stop = WAYS[way](up, end); } catch { end(false); }
}
function bySocket(up, end) {
  const socket = new WebSocket(`${server.replace(/^http/, 'ws')}/socket.io/?EIO=4&transport=websocket`);
  let worked = false, patience = null, silence = 60_000;
  const alive = () => { clearTimeout(patience); patience = setTimeout(() => { socket.close(); end(worked); }, silence); };
  alive();
  socket.onmessage = ({ data }) => {
    alive();
    if (data[0] === '0') {
      const { pingInterval, pingTimeout } = JSON.parse(data.slice(1));
      silence = pingInterval + pingTimeout;
      socket.send(`40${JSON.stringify({ channel, session: state.session, after })}`);
    }
    if (data === '2') socket.send('3');
    if (data.startsWith('40')) { worked = true; up(); }
    if (data.startsWith('42')) heard(...JSON.parse(data.slice(2)));
    if (data.startsWith('41') || data.startsWith('44')) { socket.close(); end(worked); }
  };
  socket.onclose = () => { clearTimeout(patience); end(worked); };
  return () => { clearTimeout(patience); socket.onclose = null; socket.close(); };
}
function byEvents(up, end) {
  const source = new EventSource(`${server}/api/chat/events?${query()}`);
  let worked = false;
  source.onopen = () => { worked = true; up(); };
  for (const name of ['message', 'mode', 'typing']) source.addEventListener(name, (e) => heard(name, JSON.parse(e.data)));
  source.onerror = () => { source.close(); end(worked); };
  return () => source.close();
}
function byAsking(up, end) {
  let timer = null, over = false;
  const ask = async () => {
    if (!document.hidden) {
      try { await look(); up(); } catch { if (!over) end(true); return; }
    }
    if (!over) timer = setTimeout(ask, mode === 'operator' ? 4_000 : 10_000);
  };
  ask();
  return () => { over = true; clearTimeout(timer); };
}
/** Everything that is new. */
async function look(history) {
  for (let more = true; more;) {
    const session = state.session, response = await fetch(`${server}/api/chat/messages?${query()}`, { credentials: 'omit' });
    if (response.status === 404) away = true;
    if (!response.ok) throw new Error(response.status);
    const { data } = await response.json();
    if (session !== state.session) return;
    attach.hidden = !data.files;
    data.messages.forEach((l) => line(l, history));
    answeredBy(data.mode, history);
    more = data.messages.length === 100;
  }
}
let begun = false, caughtUp = false;
function begin() {
  if (begun) return;
  begun = true;
  state.session ??= unguessable();
  keep();
  catchUp();
}
/** First what was said before; only then what is said now. */
async function catchUp() {
  clearTimeout(calling);
  if (caughtUp || away) return;
  try {
    await look(true);
    caughtUp = true;
    toEnd();
    connect();
    pump();
  } catch (problem) {
    if (wait === 1_000) console.warn(`Colloquy: ${server} does not answer this page (${problem.message}). Is its origin one of cors_origins, and the channel public?`);
    reached(false);
    if (outbox[0] && !outbox[0].late) fate(outbox[0], say.unsent, true);
    calling = setTimeout(catchUp, wait);
    wait = Math.min(wait * 2, 30_000);
  }
}
const again = () => (caughtUp ? pump() : catchUp());
