// Where an observation is: by a tap on the map or the phone's position.

import { addReference, makeMap, pinIcon } from './base-map.js';

const { L } = window;

/** Make the map and the position of the form of an observation live. */
export function setUpObserveMap(form) {
  const status = form.querySelector('#locate-status');
  const board = form.querySelector('#observe-map');
  const { lon, lat, stop } = form.elements;
  board.hidden = false;
  form.querySelector('#coordinates').open = Boolean(form.querySelector('#coordinates [aria-invalid]'));
  const { basemap, lon: startLon, lat: startLat } = board.dataset;
  const map = makeMap(board, startLat ? { basemap, center: [Number(startLat), Number(startLon)], zoom: 16 } : { basemap });
  addReference(map, { basemap });
  let pin = null;

  const place = (at, zoom = map.getZoom()) => {
    pin ??= L.marker(at, { icon: pinIcon(), interactive: false, keyboard: false, alt: '' }).addTo(map);
    pin.setLatLng(at);
    map.setView(at, zoom, { animate: false });
  };
  const choose = (at, zoom) => {
    lon.value = at.lng.toFixed(6);
    lat.value = at.lat.toFixed(6);
    if (stop) stop.value = '';
    place(at, zoom);
  };
  const readFields = () => {
    const [x, y] = [lon.value, lat.value].map((text) => Number(text.trim().replace(',', '.') || NaN));
    if (Number.isFinite(x) && Number.isFinite(y) && Math.abs(y) <= 85) place(L.latLng(y, x));
  };

  map.on('click', ({ latlng }) => {
    choose(latlng.wrap());
    status.textContent = status.dataset.placed;
  });
  stop?.addEventListener('change', () => {
    if (!stop.value) return;
    [lon.value, lat.value] = ['', '']; // at the stop, not where the last one was
    pin?.remove();
    pin = null;
  });
  lon.addEventListener('change', readFields);
  lat.addEventListener('change', readFields);
  readFields();

  const button = form.querySelector('#locate');
  button.hidden = !navigator.geolocation;
  button.addEventListener('click', () => {
    status.textContent = status.dataset.locating;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        choose(L.latLng(coords.latitude, coords.longitude), 17);
        status.textContent = status.dataset.located.replace('{metres}', Math.max(1, Math.round(coords.accuracy)));
      },
      (error) => {
        status.textContent = error.code === error.PERMISSION_DENIED ? status.dataset.denied : status.dataset.unavailable;
      },
      { enableHighAccuracy: true, timeout: 15_000, maximumAge: 10_000 },
    );
  });
}
