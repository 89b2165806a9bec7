// The point of a map: put by a tap, by the phone's position with its accuracy, dragged, or moved with the arrow keys.

import { pinIcon } from './base-map.js';

const { L } = window;
const PLACE_ZOOM = 17;
const TAP_ZOOM = 15; // a tap on the whole city is no place yet: come nearer
const STEP_M = 5;
const BIG_STEP_M = 50;
const ARROWS = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

/**
 * Make the map's one point live. texts: pin, placed, located ({metres}), locating, denied, unavailable.
 * `onMove({lon, lat})` runs whenever it changes. Returns {at(), put(point, options), locate(), locateIfAllowed(), clear(text), pin()}.
 */
export function setUpHere(map, { texts, status, button, onMove }) {
  let pin = null;
  let accuracy = null;
  let asked = 0; // a position that comes after the point was put by hand must not move it

  const say = (text, danger = false) => {
    status.textContent = text;
    status.classList.toggle('danger', danger);
  };

  function put({ lon, lat }, { text = texts.placed ?? texts.here, zoom = false } = {}) {
    asked += 1;
    const at = L.latLng(lat, lon).wrap();
    accuracy?.remove();
    if (!pin) pin = makePin(map, at, texts.pin, (moved) => put({ lon: moved.lng, lat: moved.lat }));
    pin.setLatLng(at);
    if (zoom) map.setView(at, Math.max(map.getZoom(), PLACE_ZOOM), { animate: false });
    say(text);
    onMove?.({ lon: at.lng, lat: at.lat });
  }

  function clear(text) {
    asked += 1;
    pin?.remove();
    accuracy?.remove();
    pin = null;
    say(text);
  }

  function found({ coords }, request) {
    if (request !== asked) return;
    const metres = Math.max(1, Math.round(coords.accuracy));
    const text = texts.located.replace('{metres}', metres.toLocaleString(document.documentElement.lang));
    put({ lon: coords.longitude, lat: coords.latitude }, { text, zoom: true });
    accuracy = L.circle(pin.getLatLng(), { radius: metres, className: 'map-accuracy', interactive: false }).addTo(map);
  }

  function locate({ quiet = false } = {}) {
    if (!navigator.geolocation) return quiet ? undefined : say(texts.unavailable, true);
    asked += 1;
    const request = asked;
    say(texts.locating);
    return navigator.geolocation.getCurrentPosition(
      (position) => found(position, request),
      (error) => {
        if (request === asked) say(error.code === error.PERMISSION_DENIED ? texts.denied : texts.unavailable, true);
      },
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 10000 },
    );
  }

  /** Whoever allowed it before is not asked to tap for it again. */
  async function locateIfAllowed() {
    const answer = await navigator.permissions?.query({ name: 'geolocation' }).catch(() => null);
    if (answer?.state === 'granted' && !pin) locate({ quiet: true });
  }

  button?.addEventListener('click', () => locate());
  map.on('click', ({ latlng }) => {
    put({ lon: latlng.lng, lat: latlng.lat });
    if (map.getZoom() < TAP_ZOOM - 1) map.setView(latlng, TAP_ZOOM, { animate: false });
  });

  const at = () => {
    const point = pin?.getLatLng();
    return point ? { lon: point.lng, lat: point.lat } : null;
  };
  return { at, put, locate, locateIfAllowed, clear, pin: () => pin };
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
