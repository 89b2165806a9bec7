// Where: the map, the pin, the position of the phone, the coordinates fields and the places near by.

import { addReference, makeMap, pinIcon } from './base-map.js';
import { makeIcon } from './make-icon.js';

const { L } = window;
const PLACE_ZOOM = 17;
const TAP_ZOOM = 15; // a tap on the whole city is no place yet: come nearer
const STEP_M = 5;
const BIG_STEP_M = 50;
const ARROWS = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const PLACE_ICONS = { stop: 'ui-stop', residence: 'ui-residence', school: 'theme-schools' };
const NEAR_M = 150;

/** Make the "Where?" block live. `onPlace()` runs when the point has changed. Returns {clear(), readFields()}. */
export function setUpPlace(form, texts, { onPlace } = {}) {
  const part = form.querySelector('#map-part');
  part.hidden = false;
  const status = part.querySelector('#place-status');
  const fields = { lon: form.elements.lon, lat: form.elements.lat };
  const basemap = form.dataset.basemap || 'none';
  const map = makeMap(part.querySelector('#report-map'), { basemap });
  const nearby = setUpNearby(form, texts);
  let pin = null;
  let accuracy = null;

  const say = (text, danger = false) => {
    status.textContent = text;
    status.classList.toggle('danger', danger);
  };

  function place(latLng, { text = texts.placed, zoom = false } = {}) {
    const at = L.latLng(latLng).wrap();
    accuracy?.remove();
    if (!pin) pin = makePin(map, at, texts.pin, (moved) => place(moved));
    pin.setLatLng(at);
    fields.lon.value = at.lng.toFixed(6);
    fields.lat.value = at.lat.toFixed(6);
    if (zoom) map.setView(at, Math.max(map.getZoom(), PLACE_ZOOM), { animate: false });
    say(text);
    nearby.look(at);
    onPlace?.();
  }

  function readFields() {
    const [lon, lat] = [fields.lon.value, fields.lat.value].map((text) => Number(text.trim().replace(',', '.') || NaN));
    if (Number.isFinite(lon) && Number.isFinite(lat) && Math.abs(lat) <= 85 && Math.abs(lon) <= 180) {
      const [lonText, latText] = [fields.lon.value, fields.lat.value];
      place([lat, lon], { zoom: true });
      [fields.lon.value, fields.lat.value] = [lonText, latText]; // what was typed stays as it was typed
    }
  }

  function clear() {
    pin?.remove();
    accuracy?.remove();
    pin = null;
    fields.lon.value = '';
    fields.lat.value = '';
    nearby.clear();
    say(texts.tap);
  }

  function locate() {
    if (!navigator.geolocation) return say(texts.unavailable, true);
    say(texts.locating);
    return navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const metres = Math.max(1, Math.round(coords.accuracy));
        place([coords.latitude, coords.longitude], { text: texts.located.replace('{metres}', metres.toLocaleString(document.documentElement.lang)), zoom: true });
        accuracy = L.circle(pin.getLatLng(), { radius: metres, className: 'map-accuracy', interactive: false }).addTo(map);
      },
      (error) => say(error.code === error.PERMISSION_DENIED ? texts.denied : texts.unavailable, true),
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 10000 },
    );
  }

  map.on('click', (event) => {
    place(event.latlng);
    if (map.getZoom() < TAP_ZOOM - 1) map.setView(event.latlng, TAP_ZOOM, { animate: false });
  });
  part.querySelector('#locate').addEventListener('click', locate);
  part.querySelector('#center').addEventListener('click', () => {
    place(map.getCenter());
    pin.getElement()?.focus();
  });
  fields.lon.addEventListener('change', readFields);
  fields.lat.addEventListener('change', readFields);
  addReference(map, { basemap }).then((bounds) => {
    if (bounds && !pin) map.fitBounds(bounds, { animate: false });
  });
  readFields();
  return { clear, readFields };
}

function makePin(map, at, label, onMove) {
  const pin = L.marker(at, { icon: pinIcon(), draggable: true, keyboard: true, alt: label, autoPan: true }).addTo(map);
  const element = pin.getElement();
  element.setAttribute('aria-label', label);
  pin.on('dragend', () => onMove(pin.getLatLng()));
  // The arrows move the pin while it has the focus; they must not also move the map.
  element.addEventListener('keydown', (event) => {
    const direction = ARROWS[event.key];
    if (!direction) return;
    event.preventDefault();
    event.stopPropagation();
    const metres = event.shiftKey ? BIG_STEP_M : STEP_M;
    const from = pin.getLatLng();
    const perDegree = 111_320;
    const lat = from.lat + (direction[1] * metres) / perDegree;
    const lng = from.lng + (direction[0] * metres) / (perDegree * Math.cos((from.lat * Math.PI) / 180));
    onMove(L.latLng(lat, lng));
    map.panInside(pin.getLatLng(), { padding: [60, 60], animate: false });
  });
  return pin;
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
    try {
      const near = `${at.lng.toFixed(6)},${at.lat.toFixed(6)}`;
      const response = await fetch(`/api/places?near=${near}&kind=stop,residence,school&radius=${NEAR_M}`, { signal });
      if (!response.ok) return;
      const answer = await response.json();
      const places = nearestOfEachKind(Array.isArray(answer) ? answer : answer.places);
      box.replaceChildren(...places.map((found) => makeChip(found, texts, choose)));
      choose(places.some((found) => String(found.id) === kept) ? kept : '');
    } catch {
      // Places near by are an offer: without them the report is as good.
    }
  }

  return { look, clear };
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
  distance.textContent = texts.metres.replace('{metres}', Math.round(found.distance_m));
  chip.append(makeIcon(PLACE_ICONS[found.kind] ?? 'ui-pin'), name, distance);
  chip.addEventListener('click', () => choose(chip.getAttribute('aria-pressed') === 'true' ? '' : chip.dataset.id));
  return chip;
}
