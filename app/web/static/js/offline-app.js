// On every page of somebody who is signed in: the worker, the badge of the outbox, sending, and signing out for good.

import { flush, isPossible, status, subscribe } from './offline-outbox.js';
import { warm } from './offline-reference.js';
import { known, signOutEverywhere } from './offline-session.js';
import { newId } from './photo-upload.js';

const isShell = !document.querySelector('meta[name="quietude-account"]');

// A page from the phone's memory has no id of its own: the server makes one for each of its pages.
for (const field of document.querySelectorAll('input[name="id"]')) field.value ||= newId();

if (isPossible()) start();

function start() {
  subscribe(showBadge);
  const sendNow = () => { flush().catch(() => {}); };
  window.addEventListener('online', sendNow);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) sendNow(); });
  for (const form of document.querySelectorAll('form[action$="/logout"]')) form.addEventListener('submit', signOut);
  holdUpdatesWhileEntering();
  window.addEventListener('load', () => {
    sendNow();
    keepFresh().catch(() => {});
  });
}

// ── the badge ───────────────────────────────────────────────────────────────────────────────────────────────────────

function showBadge({ mine, refused, others }) {
  const badge = document.querySelector('#outbox-badge');
  if (!badge) return;
  badge.hidden = mine + others === 0;
  badge.classList.toggle('trouble', refused > 0);
  badge.querySelector('.outbox-count').textContent = mine || others;
  const words = badge.querySelector('[data-many]');
  words.textContent = (mine ? words.dataset.many : words.dataset.others).replace('{count}', mine || others);
}

// ── what the phone takes along ──────────────────────────────────────────────────────────────────────────────────────

async function keepFresh() {
  if (!isShell && globalThis.caches) {
    const places = await caches.open('quietude-places');
    await places.put('/language', new Response(document.documentElement.lang));
  }
  await registerWorker();
  if (!isShell) navigator.serviceWorker?.controller?.postMessage('language');
  const { signedIn } = await known();
  if (signedIn && document.querySelector('.nav a[href="/reports/new"]')) await warm();
}

async function registerWorker() {
  if (!navigator.serviceWorker) return;
  const options = { scope: '/', updateViaCache: 'none' };
  const registration = await navigator.serviceWorker.register('/sw.js', { ...options, type: 'module' })
    .catch(() => navigator.serviceWorker.register('/sw.js?classic=1', options)) // a browser whose workers take no modules
    .catch(() => null);
  if (!registration) return;
  const offer = () => takeOver(registration);
  registration.addEventListener('updatefound', () => {
    registration.installing?.addEventListener('statechange', offer);
  });
  for (const event of ['quietude:saved', 'quietude:free', 'visibilitychange']) document.addEventListener(event, offer);
  offer();
}

/** A new worker takes over while nobody, in no tab, is entering or sending anything. */
function takeOver({ waiting }) {
  if (!waiting) return;
  const ifFree = { ifAvailable: true };
  navigator.locks.request('quietude-entering', ifFree, (free) => free && navigator.locks.request('quietude-send', ifFree, (idle) => {
    if (idle) waiting.postMessage('take over');
  })).catch(() => {});
}

let letGo = null;

/** From the first letter to the save (or the end of the page) this tab holds a lock that all tabs may share. */
function holdUpdatesWhileEntering() {
  const hold = ({ target }) => {
    if (letGo || !target.closest?.('main form')) return;
    navigator.locks.request('quietude-entering', { mode: 'shared' }, () => new Promise((resolve) => { letGo = resolve; }))
      .then(() => document.dispatchEvent(new Event('quietude:free'))).catch(() => {});
  };
  document.addEventListener('input', hold);
  document.addEventListener('quietude:saved', () => {
    letGo?.();
    letGo = null;
  });
}

// ── signing out ─────────────────────────────────────────────────────────────────────────────────────────────────────

async function signOut(event) {
  event.preventDefault();
  const form = event.target;
  const { mine } = await status().catch(() => ({ mine: 0 }));
  const { ask } = mine ? await import('./offline-leave.js') : {};
  const answer = ask ? await ask(mine) : 'leave';
  if (answer === 'stay') return;
  if (answer === 'send') await flush().catch(() => {});
  const isHeard = await signOutEverywhere().catch(() => null);
  if (isHeard === null) form.submit(); // this phone keeps nothing: then it is the server's alone
  else window.location.assign(isHeard ? '/' : '/outbox');
}
