// The person before it.
const isPhone = () => matchMedia('(max-width: 500px)').matches;
function open(focused = true) {
  if (!panel.hidden) return;
  state.open = true;
  keep();
  panel.hidden = false;
  launcher.setAttribute('aria-expanded', 'true');
  launcher.hidden = isPhone();
  if (!isPage) panel.setAttribute('aria-modal', String(isPhone()));
  count(0);
  begin();
  toEnd();
  if (focused) text.focus();
  tell('open');
}
function close() {
  if (panel.hidden || isPage) return;
  state.open = false;
  keep();
  panel.hidden = true;
  launcher.hidden = false;
  launcher.setAttribute('aria-expanded', 'false');
  count(0);
  launcher.focus();
  tell('close');
}
function startAnew() {
  Object.assign(state, { session: unguessable(), unsent: [] });
  keep();
  [after, mode, held, shown, posting, outbox.length] = [0, null, [], [], false, 0];
  log.replaceChildren();
  condition();
  connect();
  text.focus();
}
function onSubmit(event) {
  event.preventDefault();
  const words = text.value.trim();
  if (!words || away) return;
  text.value = '';
  queue(words);
}
function onKey(event) {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
}
function onPicked() {
  for (const file of picker.files) {
    if (file.size > LARGEST) fate({ line: add(bubble('person', '', file.name)) }, `${say.refused} ${say.large}`);
    else queue('', file);
  }
  picker.value = '';
}
function onPanelKey(event) {
  if (event.key === 'Escape') { event.stopPropagation(); close(); }
  if (event.key !== 'Tab' || panel.getAttribute('aria-modal') !== 'true') return;
  // Full-screen, nothing else can be seen: the keyboard stays here.
  const all = [...panel.querySelectorAll('button, textarea, a, summary, [tabindex="0"]')].filter((e) => e.checkVisibility());
  const [first, last] = [all[0], all.at(-1)];
  if (root.activeElement === (event.shiftKey ? first : last)) { event.preventDefault(); (event.shiftKey ? last : first).focus(); }
}
addEventListener('online', () => { way = 0; wait = 1_000; if (!begun) return; if (caughtUp) connect(); again(); });
addEventListener('offline', () => { if (begun) reached(false); });

window.Colloquy = Object.freeze({
  open: () => open(),
  close,
  /** Who it is, as the page knows: told to the team with the next message, as something that nobody verified. */
  identify({ name, email } = {}) { visitor = name || email ? { ...(name && { name: String(name) }), ...(email && { email: String(email) }) } : null; },
});
function mount() {
  document.body.append(host);
  // As it was on the page before; the focus is where the page wants it.
  state.open &&= !isPhone();
  if (isPage) open();
  else if (state.open) open(false);
  else if (state.session) begin();
  tell('ready');
}
if (document.body) mount();
else addEventListener('DOMContentLoaded', mount);
