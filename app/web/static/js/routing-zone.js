// Draw the area of a routing rule: each click adds a corner; the text field holds the GeoJSON that is sent.

import { addReference, makeMap } from './base-map.js';

const { L } = window;
const element = document.querySelector('#zone-map');
const details = element.closest('details');
const text = document.querySelector('#zone');
const undo = document.querySelector('#zone-undo');
const clear = document.querySelector('#zone-clear');
const { basemap } = element.dataset;
const AMIENS = [49.8942, 2.2957];

let corners = [];
let map = null;
let drawn = null;

/** The text field's polygon as corners; an area of several rings is left to the text. */
function read() {
  try {
    const { type, coordinates } = JSON.parse(text.value);
    const rings = type === 'MultiPolygon' ? coordinates.flat() : coordinates;
    if (rings.length !== 1) return [];
    return rings[0].slice(0, -1).map(([lon, lat]) => [lat, lon]);
  } catch {
    return [];
  }
}

function write() {
  const ring = corners.map(([lat, lon]) => [Number(lon.toFixed(6)), Number(lat.toFixed(6))]);
  text.value = ring.length < 3 ? '' : JSON.stringify({ type: 'Polygon', coordinates: [[...ring, ring[0]]] });
  show();
}

function show() {
  drawn.clearLayers();
  if (corners.length > 1) L.polygon(corners, { className: 'zone-drawn', interactive: false }).addTo(drawn);
  for (const at of corners) L.circleMarker(at, { radius: 6, className: 'zone-corner', interactive: false }).addTo(drawn);
  undo.hidden = corners.length === 0;
  clear.hidden = corners.length === 0;
}

function start() {
  if (map !== null) return;
  map = makeMap(element, { basemap, center: AMIENS, zoom: 12 });
  addReference(map, { basemap });
  drawn = L.layerGroup().addTo(map);
  corners = read();
  show();
  if (corners.length > 2) map.fitBounds(L.latLngBounds(corners).pad(0.3));
  map.on('click', ({ latlng }) => {
    corners.push([latlng.lat, latlng.lng]);
    write();
  });
}

undo.addEventListener('click', () => {
  corners.pop();
  write();
});
clear.addEventListener('click', () => {
  corners = [];
  write();
});
text.addEventListener('change', () => {
  corners = read();
  show();
});
details.addEventListener('toggle', () => {
  if (details.open) start();
});
if (details.open) start();
document.querySelector('#preview-result')?.focus();
