// Where: the map with its point, the coordinates fields and the places near by.

import { addReference, makeMap } from './base-map.js';
import { makeIcon } from './make-icon.js';
import { byDistance, distanceText } from './near-places.js';
import { places as knownPlaces } from './offline-reference.js';
import { setUpHere } from './report-here.js';

const PLACE_ICONS = { stop: 'ui-stop', residence: 'ui-residence', school: 'theme-schools' };
const NEAR_M = 150;

/** Make the "Where?" block live. `onPlace()` runs when the point has changed. Returns {clear(), readFields(), locateIfAllowed()}. */
export function setUpPlace(form, texts, { onPlace } = {}) {
  const part = form.querySelector('#map-part');
  part.hidden = false;
  const fields = { lon: form.elements.lon, lat: form.elements.lat };
  const basemap = form.dataset.basemap || 'none';
  const map = makeMap(part.querySelector('#report-map'), { basemap });
  const nearby = setUpNearby(form, texts);
  const here = setUpHere(map, {
    texts,
    status: part.querySelector('#place-status'),
    button: part.querySelector('#locate'),
    onMove: (at) => {
      fields.lon.value = at.lon.toFixed(6);
      fields.lat.value = at.lat.toFixed(6);
      nearby.look(at);
      onPlace?.();
    },
  });

  function readFields() {
    const [lon, lat] = [fields.lon.value, fields.lat.value].map((text) => Number(text.trim().replace(',', '.') || NaN));
    if (Number.isFinite(lon) && Number.isFinite(lat) && Math.abs(lat) <= 85 && Math.abs(lon) <= 180) {
      const [lonText, latText] = [fields.lon.value, fields.lat.value];
      here.put({ lon, lat }, { zoom: true });
      [fields.lon.value, fields.lat.value] = [lonText, latText]; // what was typed stays as it was typed
    }
  }

  function clear() {
    here.clear(texts.tap);
    fields.lon.value = '';
    fields.lat.value = '';
    nearby.clear();
  }

  part.querySelector('#center').addEventListener('click', () => {
    const { lng, lat } = map.getCenter();
    here.put({ lon: lng, lat });
    here.pin().getElement()?.focus();
  });
  fields.lon.addEventListener('change', readFields);
  fields.lat.addEventListener('change', readFields);
  addReference(map, { basemap }).then((bounds) => {
    if (bounds && !here.at()) map.fitBounds(bounds, { animate: false });
  });
  readFields();
  return { clear, readFields, at: here.at, locateIfAllowed: here.locateIfAllowed };
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
