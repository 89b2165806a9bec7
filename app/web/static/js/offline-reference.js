// What the phone took along: places, words, open reports, the outline of the territory. Fresh when there is a network,
// else as of the last visit. Each resolves to null when this phone has never seen it.

import { change, get } from './offline-db.js';
import { known } from './offline-session.js';

const URLS = { reference: '/api/offline/reference', reports: '/api/offline/reports' };
const OUTLINES = ['commune', 'neighbourhood', 'line', 'stop'];
const asked = new Map();

/** Ask the server once a page for what changed. Resolves to the row {etag, at (ms), value}, null without any. */
function row(name) {
  if (!asked.has(name)) asked.set(name, fetched(name).catch(() => get('reference', name).catch(() => null)).then((found) => found ?? null));
  return asked.get(name);
}

async function fetched(name) {
  if (!(await known()).signedIn) return null; // nobody is signed in: nothing is shown
  const kept = await get('reference', name);
  const response = await fetch(URLS[name], {
    headers: { Accept: 'application/json', ...(kept ? { 'If-None-Match': kept.etag } : {}) }, cache: 'no-store', signal: AbortSignal.timeout(15_000),
  });
  if (response.status === 304) return touch(name, kept);
  if (response.status === 401) return null;
  if (!response.ok) return kept;
  return touch(name, { etag: response.headers.get('ETag'), value: await response.json() });
}

async function touch(name, found) {
  const fresh = { ...found, at: Date.now() };
  await change(['reference'], (reference) => reference.put(fresh, name));
  return fresh;
}

const WARM_MS = 600_000;

/** Take along what is not here or older than ten minutes: a day may start without a network. */
export async function warm() {
  for (const name of Object.keys(URLS)) {
    const kept = await get('reference', name);
    if (!kept || Date.now() - kept.at > WARM_MS) await row(name);
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

/** {at: ms of the last sync, reports: [{id, category, lon, lat, severity, state, observed_at, version}]} */
export async function openReports() {
  const found = await row('reports');
  if (!found) return null;
  return {
    at: found.at,
    reports: found.value.reports.map(([id, category, lon, lat, severity, state, observed_at, version]) => (
      { id, category, lon, lat, severity, state, observed_at, version })),
  };
}

/** {commune, neighbourhood, line, stop}: GeoJSON of each, kept by the service worker; null where it is not there. */
export async function outlines() {
  const read = (kind) => fetch(`/api/places/${kind}.geojson`).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
  const found = await Promise.all(OUTLINES.map(read));
  return Object.fromEntries(OUTLINES.map((kind, index) => [kind, found[index]]));
}
