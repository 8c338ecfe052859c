'use strict';
for (const run of document.querySelectorAll('.run')) {
  const select = run.querySelector('select');
  const all = run.querySelector('input');
  if (!select) continue;
  select.addEventListener('change', () => show(run, select.value));
  all.addEventListener('change', () => run.classList.toggle('all', all.checked));
}
// The world's lane is always shown: what happens to a node happens to everybody on it.
function show(run, lane) {
  run.classList.toggle('one', lane !== '');
  for (const part of run.querySelectorAll('[data-lane]')) {
    part.hidden = lane !== '' && part.dataset.lane !== '0' && part.dataset.lane !== lane;
  }
}
function follow() {
  const place = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  const run = place && place.closest('.run');
  if (!run) return;
  run.open = true;
  if (place.hidden) {
    run.querySelector('select').value = '';
    show(run, '');
  }
  place.scrollIntoView({ block: place === run ? 'start' : 'center' });
}
addEventListener('hashchange', follow);
follow();
