import * as outbox from './static/js/offline-worker.js';

// Keeps the pages that work without a network, and sends the outbox in the background. RELEASE (which files and shells,
// each with its digest) is written above by the server. Rules: docs/decisions/0028.

const APP = `quietude-app-${RELEASE.release}`;
const PLACES = 'quietude-places'; // outlines and stops: public, and of no release
const PLACES_FRESH_MS = 3_600_000;
const PATIENCE_MS = 4000; // then the page that is here is better than the one that may come
const KIND = 'X-Quietude-Digest';
const LAYERS = ['commune', 'neighbourhood', 'line', 'stop'].map((kind) => `/api/places/${kind}.geojson`);

let serverIsNewer = false;

// ── coming and going ────────────────────────────────────────────────────────────────────────────────────────────────

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));
self.addEventListener('message', (event) => {
  // The page says when nothing is being entered or sent; until then this worker waits.
  if (event.data === 'take over') self.skipWaiting();
  if (event.data === 'language') event.waitUntil(takeShells().catch(() => {}));
});

async function install() {
  const cache = await caches.open(APP);
  const known = await kept();
  await Promise.all(Object.entries(RELEASE.files).map(([path, digest]) => take(cache, path, digest, known)));
  await takeShells();
  const layers = await caches.open(PLACES);
  await Promise.all(LAYERS.map((url) => refreshed(layers, url).catch(() => {})));
  // The very first one: no page has anything of an older one.
  if (!self.registration.active) self.skipWaiting();
}

/** The pages in the language of this phone: the other one is taken when somebody changes to it. */
async function takeShells() {
  const [cache, locale] = [await caches.open(APP), await language()];
  await Promise.all(RELEASE.shells.map((page) => fetched(cache, shellUrl(page, locale))));
}

/** What older releases have, by its digest: the same file is not fetched twice. */
async function kept() {
  const known = new Map();
  for (const name of await caches.keys()) {
    if (!name.startsWith('quietude-app-')) continue;
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const response = await cache.match(request);
      if (response.headers.get(KIND)) known.set(response.headers.get(KIND), response);
    }
  }
  return known;
}

async function take(cache, path, digest, known) {
  const response = known.get(digest);
  if (response) return cache.put(path, response);
  // What the page has just loaded need not be asked for again: its digest says whether it is the right one.
  const file = await wanted(path, digest, 'force-cache') ?? await wanted(path, digest, 'no-cache');
  // The server was changed in between: this worker would mix two releases. The browser tries again later.
  if (!file) throw new Error(`${path}: another release`);
  return cache.put(path, new Response(file.body, { headers: { 'Content-Type': file.type, [KIND]: digest } }));
}

/** The file, or null when it is not the one with that digest. */
async function wanted(path, digest, cache) {
  const response = await fetch(path, { cache });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  const body = await response.arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
  const found = [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return found.startsWith(digest) ? { body, type: response.headers.get('Content-Type') } : null;
}

async function fetched(cache, url) {
  if (await cache.match(url)) return undefined;
  const response = await fetch(url, { cache: 'no-cache', credentials: 'omit' });
  // The sign-in page of a hotel's network says 200 too; a newer server has another page.
  if (response.headers.get('X-Quietude-Release') !== RELEASE.release) throw new Error(`${url}: ${response.status}, not of this release`);
  return cache.put(url, response);
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith('quietude-app-') && name !== APP) await caches.delete(name);
  }
  await self.clients.claim();
}

// ── answering ───────────────────────────────────────────────────────────────────────────────────────────────────────

const shellUrl = (page, locale) => `/offline/shell?page=${encodeURIComponent(page)}&lang=${locale}`;

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (request.mode === 'navigate') {
    if (request.method === 'GET') event.respondWith(page(request, url));
    else if (url.pathname === '/logout') event.respondWith(leave(request));
    else if (url.pathname === '/login') event.waitUntil(worker()?.staying());
    else if (url.pathname.startsWith('/patrols/')) event.respondWith(fetch(request).catch(() => fromShell('/offline'))); // start, end
  } else if (request.method !== 'GET') {
    return; // what changes something goes to the server and nowhere else
  } else if (RELEASE.files[url.pathname]) {
    event.respondWith(file(request, url));
  } else if (LAYERS.includes(url.pathname) && !url.search) {
    event.respondWith(layer(event, url.pathname));
  }
});

/** The module above, which a classic worker does not have. */
function worker() {
  return typeof outbox === 'undefined' ? null : outbox;
}

/** Whoever signs out is forgotten here first, whatever becomes of the request. */
async function leave(request) {
  await worker()?.signOut().catch(() => {});
  try {
    const response = await fetch(request);
    await worker()?.staying();
    return response;
  } catch {
    return fromShell('/offline');
  }
}

/** Every round has its own address and one page on the phone. */
const ROUND = /^\/patrols\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function shellOf(path) {
  if (RELEASE.shells.includes(path)) return path;
  return ROUND.test(path) ? '/patrols' : null;
}

/** From the server; without one, or when it takes too long, the shell of that page. */
async function page(request, url) {
  const shell = shellOf(url.pathname);
  const fresh = fetch(request).then((response) => {
    const release = response.headers.get('X-Quietude-Release');
    if (release) serverIsNewer = release !== RELEASE.release;
    if (serverIsNewer) self.registration.update().catch(() => {});
    return response;
  });
  if (!shell) return fresh.catch(() => fromShell('/offline'));
  fresh.catch(() => {}); // it may fail after the shell was shown
  const patience = new Promise((resolve) => { setTimeout(resolve, PATIENCE_MS, null); });
  const response = await Promise.race([fresh, patience]).catch(() => null);
  if (response && response.status < 500) return response;
  const here = await fromShell(shell);
  return here ?? fresh;
}

async function fromShell(path) {
  const cache = await caches.open(APP);
  const all = [await language(), ...RELEASE.locales].map((locale) => cache.match(shellUrl(path, locale)));
  return (await Promise.all(all)).find(Boolean);
}

/** As the last page that came from the server. */
async function language() {
  const said = await (await caches.open(PLACES)).match('/language');
  return said ? said.text() : 'fr';
}

async function file(request, url) {
  const cache = await caches.open(APP);
  const here = await cache.match(url.pathname);
  if (!here) return fetch(request);
  // A page of a newer release wants the files of its own.
  if (serverIsNewer) return fetch(request).catch(() => here);
  return here;
}

async function layer(event, path) {
  const cache = await caches.open(PLACES);
  const here = await cache.match(path);
  const at = Number(here?.headers.get('X-Quietude-At') ?? 0);
  if (here && Math.abs(Date.now() - at) < PLACES_FRESH_MS) return here;
  const fresh = refreshed(cache, path);
  if (!here) return fresh;
  event.waitUntil(fresh.catch(() => {}));
  return here;
}

async function refreshed(cache, path) {
  const response = await fetch(path);
  if (!response.ok || !response.headers.get('Content-Type')?.includes('json')) return response; // a hotel's sign-in page says 200 too
  const body = await response.text();
  const headers = { 'Content-Type': response.headers.get('Content-Type'), 'X-Quietude-At': String(Date.now()) };
  await cache.put(path, new Response(body, { headers }));
  return new Response(body, { headers });
}

// ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────────────

self.addEventListener('sync', (event) => {
  if (event.tag === 'quietude-outbox') event.waitUntil(worker()?.flushOnce());
});
