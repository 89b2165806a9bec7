// Where: the coordinates fields, the places near by, and the map once somebody wants it.

import { makeIcon } from './make-icon.js';
import { byDistance, distanceText } from './near-places.js';
import { places as knownPlaces } from './offline-reference.js';

const PLACE_ICONS = { stop: 'ui-stop', residence: 'ui-residence', school: 'theme-schools' };
const NEAR_M = 150;
const SIGNS_OF_LIFE = ['pointerdown', 'keydown', 'focusin'];

/**
 * Make the "Where?" block live. `onPlace()` runs when the point has changed. The map is loaded at the first tap or key in
 * the form, when it comes into view, or as soon as there is a point to show: on a slow phone nobody waits for it before.
 * Returns {at(), clear(), readFields(), locateIfAllowed()}.
 */
export function setUpPlace(form, texts, { onPlace } = {}) {
  const part = form.querySelector('#map-part');
  part.hidden = false;
  const fields = { lon: form.elements.lon, lat: form.elements.lat };
  const nearby = setUpNearby(form, texts);
  let opening = null;
  let made = null; // {map, here} of report-map.js

  function open() {
    opening ??= import('./report-map.js')
      .then(({ setUpMap }) => { made = setUpMap(form, part, texts, moved); })
      .catch(withoutMap);
    return opening;
  }

  /** No network, and never kept on this phone: the coordinates are still there. */
  function withoutMap() {
    const status = part.querySelector('#place-status');
    status.textContent = texts.nomap;
    status.classList.add('danger');
    form.querySelector('#coordinates').open = true;
  }

  function moved(at) {
    fields.lon.value = at.lon.toFixed(6);
    fields.lat.value = at.lat.toFixed(6);
    nearby.look(at);
    onPlace?.();
  }

  function typed() {
    const [lon, lat] = [fields.lon.value, fields.lat.value].map((text) => Number(text.trim().replace(',', '.') || NaN));
    return Number.isFinite(lon) && Number.isFinite(lat) && Math.abs(lat) <= 85 && Math.abs(lon) <= 180 ? { lon, lat } : null;
  }

  async function readFields() {
    if (!typed()) return;
    await open();
    const at = typed();
    if (!at) return;
    const [lonText, latText] = [fields.lon.value, fields.lat.value];
    if (made) made.here.put(at, { zoom: true });
    else moved(at);
    [fields.lon.value, fields.lat.value] = [lonText, latText]; // what was typed stays as it was typed
  }

  function clear() {
    made?.here.clear(texts.tap);
    fields.lon.value = '';
    fields.lat.value = '';
    nearby.clear();
  }

  /** Whoever allowed it before is not asked to tap for it again. */
  async function locateIfAllowed() {
    const answer = await navigator.permissions?.query({ name: 'geolocation' }).catch(() => null);
    if (answer?.state !== 'granted') return;
    await open();
    if (made && !made.here.at()) made.here.locate({ quiet: true });
  }

  part.querySelector('#locate').addEventListener('click', async () => {
    if (!made) part.querySelector('#place-status').textContent = texts.locating;
    await open();
    made?.here.locate();
  });
  part.querySelector('#center').addEventListener('click', async () => {
    await open();
    made?.center();
  });
  fields.lon.addEventListener('change', readFields);
  fields.lat.addEventListener('change', readFields);
  for (const sign of SIGNS_OF_LIFE) form.addEventListener(sign, open, { once: true });
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    open();
  }).observe(part.querySelector('#report-map'));
  readFields();
  return { at: () => made?.here.at() ?? typed(), clear, readFields, locateIfAllowed };
}

/** The nearest stop, residence or school, each offered as one tap. */
function setUpNearby(form, texts) {
  const box = form.querySelector('#nearby');
  const field = form.querySelector('[name="place_id"]');
  let running = null;
  let timer = 0;

  const choose = (id) => {
    field.value = id;
    for (const chip of box.children) chip.setAttribute('aria-pressed', String(chip.dataset.id === id));
  };

  function clear() {
    running?.abort();
    window.clearTimeout(timer);
    box.replaceChildren();
    form.querySelector('#nearby-title').hidden = true;
    choose('');
  }

  function look(at) {
    running?.abort();
    window.clearTimeout(timer);
    timer = window.setTimeout(() => ask(at), 250); // while the pin is being moved step by step
  }

  async function ask(at) {
    running = new AbortController();
    const { signal } = running;
    const kept = field.value;
    const found = await nearOnServer(at, signal) ?? await nearOnPhone(at) ?? [];
    if (signal.aborted) return;
    const places = nearestOfEachKind(found);
    box.replaceChildren(...places.map((one) => makeChip(one, texts, choose)));
    form.querySelector('#nearby-title').hidden = places.length === 0;
    choose(places.some((one) => String(one.id) === kept) ? kept : '');
  }

  return { look, clear };
}

/** From what the phone took along. Null when it has nothing yet. */
async function nearOnPhone(at) {
  const known = await knownPlaces().catch(() => null);
  return known && byDistance(at, known).filter((one) => one.distance_m <= NEAR_M);
}

/** The server knows how large a residence is. Null without an answer: places near by are an offer. */
async function nearOnServer(at, signal) {
  try {
    const near = `${at.lon.toFixed(6)},${at.lat.toFixed(6)}`;
    const response = await fetch(`/api/places?near=${near}&kind=stop,residence,school&radius=${NEAR_M}`, { signal });
    const answer = response.ok ? await response.json() : null;
    return Array.isArray(answer) ? answer : answer?.places ?? null;
  } catch {
    return null;
  }
}

function nearestOfEachKind(places = []) {
  const kinds = new Map();
  for (const found of places) if (!kinds.has(found.kind)) kinds.set(found.kind, found);
  return [...kinds.values()];
}

function makeChip(found, texts, choose) {
  const chip = document.createElement('button');
  chip.type = 'button';
  chip.className = 'chip';
  chip.dataset.id = String(found.id);
  const name = document.createElement('span');
  name.textContent = found.name;
  const distance = document.createElement('small');
  distance.textContent = distanceText(found.distance_m, texts, document.documentElement.lang);
  chip.append(makeIcon(PLACE_ICONS[found.kind] ?? 'ui-pin'), name, distance);
  chip.addEventListener('click', () => choose(chip.getAttribute('aria-pressed') === 'true' ? '' : chip.dataset.id));
  return chip;
}
