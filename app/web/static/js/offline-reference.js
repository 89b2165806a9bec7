// What the phone took along: places, words, open reports, rounds, the outline of the territory. Fresh when there is a network,
// else as of the last visit. Each resolves to null when this phone has never seen it.

import { change, get } from './offline-db.js';
import { sealJson, unsealJson } from './offline-seal.js';
import { known } from './offline-session.js';

const URLS = { reference: '/api/offline/reference', reports: '/api/offline/reports', rounds: '/api/offline/patrols' };
const OUTLINES = ['commune', 'neighbourhood', 'line', 'stop'];
const PATIENCE_MS = 4000; // then what is here is better than what may come
const asked = new Map();

/** Ask the server once a page for what changed. Resolves to the row {etag, at (ms), value}, null without any. */
function row(name) {
  if (!asked.has(name)) {
    const fresh = fetched(name).catch(() => kept(name).catch(() => null)).then((found) => found ?? null);
    const late = new Promise((resolve) => { setTimeout(resolve, PATIENCE_MS); }).then(() => kept(name)).then((found) => found ?? fresh, () => fresh);
    asked.set(name, Promise.race([fresh, late]));
  }
  return asked.get(name);
}

async function fetched(name) {
  const { account, signedIn } = await known().catch(() => ({ account: null, signedIn: true })); // a browser that keeps nothing
  if (!signedIn) return null; // nobody is signed in: nothing is shown
  const before = await kept(name).catch(() => null);
  const url = name === 'reports' && !before ? `${URLS.reports}?first=1` : URLS[name]; // a first visit stays light; the next one takes the rest
  const response = await fetch(url, {
    headers: { Accept: 'application/json', ...(before ? { 'If-None-Match': before.etag } : {}) }, cache: 'no-store', signal: AbortSignal.timeout(15_000),
  });
  if (response.status === 304) return touch(account, name, before);
  if (response.status === 401) return null;
  if (!response.ok) return before;
  return touch(account, name, { etag: response.headers.get('ETag'), value: await response.json() });
}

async function touch(account, name, { etag, value }) {
  const at = Date.now();
  try {
    const sealed = await sealJson(account, name, value);
    await change(['reference'], (reference) => reference.put({ etag, at, sealed }, name));
  } catch { /* no room, or no memory at all: good for this page */ }
  return { etag, at, value };
}

/** As it was taken along, null when it is not here (or was kept unsealed, by an older version). */
async function kept(name) {
  const { account } = await known();
  const found = await get('reference', name);
  return found?.sealed ? { ...found, value: await unsealJson(account, name, found.sealed) } : null;
}

const WARM_MS = 600_000;

/** Take along what is not here or older than ten minutes: a day may start without a network. */
export async function warm() {
  for (const name of Object.keys(URLS)) {
    const found = await get('reference', name);
    if (!found?.sealed || Math.abs(Date.now() - found.at) > WARM_MS) await row(name);
  }
}

/** Forget what this page was told: the next question asks the server again. */
export const refreshReference = () => asked.clear();

/** [{id, kind: stop|residence|school, name, lon, lat}] */
export async function places() {
  const found = await row('reference');
  return found?.value.places.map(([id, kind, name, lon, lat]) => ({ id, kind, name, lon, lat })) ?? null;
}

/** {themes: [{code, label_fr, label_en}], categories: [{code, theme, kind, default_severity, label_fr, label_en}]} */
export async function nomenclature() {
  const found = await row('reference');
  if (!found) return null;
  return {
    themes: found.value.themes.map(([code, label_fr, label_en]) => ({ code, label_fr, label_en })),
    categories: found.value.categories.map(([code, theme, kind, default_severity, label_fr, label_en]) => (
      { code, theme, kind, default_severity, label_fr, label_en })),
  };
}

/** {at: ms of the last sync, partial: there are more, reports: [{id, category, lon, lat, severity, state, observed_at, version}]} */
export async function openReports() {
  const found = await row('reports');
  if (!found) return null;
  return {
    at: found.at,
    partial: found.value.partial,
    reports: found.value.reports.map(([id, category, lon, lat, severity, state, observed_at, version]) => (
      { id, category, lon, lat, severity, state, observed_at, version })),
  };
}

/** {at: ms of the last sync, rounds: [{id, kind, title, state, starts_at, stops, passages}]} of her organisation. */
export async function rounds() {
  const found = await row('rounds');
  return found && { at: found.at, rounds: found.value.rounds };
}

/** {commune, neighbourhood, line, stop}: GeoJSON of each, kept by the service worker; null where it is not there. */
export async function outlines() {
  const read = (kind) => fetch(`/api/places/${kind}.geojson`).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
  const found = await Promise.all(OUTLINES.map(read));
  return Object.fromEntries(OUTLINES.map((kind, index) => [kind, found[index]]));
}
