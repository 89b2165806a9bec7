// The server's page of a round: answers go through this phone's outbox, and the round is taken along for later.

import { list, subscribe } from './offline-outbox.js';
import { rounds } from './offline-reference.js';
import { setUpAnswers } from './patrol-walk.js';
import { canKeep } from './report-outbox.js';

const page = document.querySelector('#round');
const { patrol } = page.dataset;
const path = `/patrols/${patrol}`;
const observe = document.querySelector('#observe-form');

if (window.location.hash === '#next') page.querySelector('#next')?.focus(); // a reload does not
if (observe) import('./patrol.js').then(({ setUpObserveMap }) => setUpObserveMap(observe));
setUpAnswers(page, patrol, ({ form, state, report }) => {
  if (state === 'refused') return window.location.assign('/outbox');
  form.hidden = form !== observe; // a stop is answered once
  if (report) return window.location.assign(report);
  return reload(form === observe ? `${path}?${kept()}#observe` : `${path}#next`);
});
if (canKeep()) {
  rounds().catch(() => {}); // as it is now, for when there is no network
  showWaiting();
}
/** Where she is: the next observation is near this one. */
function kept() {
  const given = ['stop', 'lon', 'lat'].map((name) => [name, observe.elements[name]?.value.trim()]);
  return new URLSearchParams(given.filter(([, value]) => value));
}

function reload(address) {
  // Nothing would bring this page back; what waits is said and hidden on it.
  if (!navigator.onLine && !navigator.serviceWorker?.controller) return page.querySelector('#next')?.focus();
  window.history.replaceState(null, '', address);
  return window.location.reload();
}

/** What the server does not know yet is said above the rest; once it does, the page is drawn anew. */
function showWaiting() {
  const note = page.querySelector('#round-waiting');
  let first = null; // what waited when the page came
  subscribe(async () => {
    const waiting = (await list()).filter(({ kind, state, body }) => (
      kind === 'passage' && body?.patrol === patrol && ['waiting', 'sending', 'editing'].includes(state)));
    first ??= waiting.map((item) => item.id);
    note.hidden = waiting.length === 0;
    const stops = new Set(waiting.map((item) => String(item.body.stop)));
    for (const form of page.querySelectorAll('form[data-walk="stop"]')) form.hidden = stops.has(form.elements.stop.value);
    const isDone = first.length > 0 && !waiting.some((item) => first.includes(item.id));
    if (isDone && !document.activeElement?.closest('form')) window.location.reload();
  });
}
