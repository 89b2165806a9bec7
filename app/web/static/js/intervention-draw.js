// Draw a point, a line or an area: each tap adds a point, the text field holds what is sent and works without the map.

import { addReference, makeMap } from './base-map.js';

const { L } = window;
const element = document.querySelector('#draw-map');
const tools = document.querySelector('#draw-tools');
const text = document.querySelector('#geometry');
const status = document.querySelector('#draw-status');
const shapes = document.querySelectorAll('input[name="shape"]');
const { basemap } = element.dataset;

let points = [];

element.hidden = false;
tools.hidden = false;
const map = makeMap(element, { basemap });
const drawn = L.layerGroup().addTo(map);
const shape = () => document.querySelector('input[name="shape"]:checked').value;

/** The field's lines as [lat, lon]; a comma is a decimal sign where a space separates, else the separator. */
function read() {
  return text.value
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const parts = line.split(/\s*[;\t ]\s*/);
      const pair = parts.length === 1 ? line.split(',') : parts;
      const [lon, lat] = pair.map((part) => Number(part.replace(/,$/, '').replace(',', '.')));
      return [lat, lon];
    })
    .filter((point) => point.length === 2 && point.every(Number.isFinite));
}

function write() {
  text.value = points.map(([lat, lon]) => `${lon.toFixed(6)} ${lat.toFixed(6)}`).join('\n');
  show();
}

function show() {
  drawn.clearLayers();
  const kind = shape();
  const quiet = { interactive: false };
  if (kind === 'area' && points.length > 2) L.polygon(points, { ...quiet, className: 'drawn' }).addTo(drawn);
  else if (kind !== 'point' && points.length > 1) L.polyline(points, { ...quiet, className: 'drawn drawn-line' }).addTo(drawn);
  for (const at of points) L.circleMarker(at, { ...quiet, radius: 7, className: 'drawn-corner' }).addTo(drawn);
  const { none, one, many } = status.dataset;
  status.textContent = points.length === 0 ? none : points.length === 1 ? one : many.replace('{num}', points.length);
}

function fit() {
  if (points.length === 1) map.setView(points[0], 17);
  else if (points.length > 1) map.fitBounds(L.latLngBounds(points).pad(0.4), { maxZoom: 17 });
}

map.on('click', ({ latlng }) => {
  const at = [latlng.lat, latlng.lng];
  points = shape() === 'point' ? [at] : [...points, at];
  write();
});
document.querySelector('#draw-undo').addEventListener('click', () => {
  points = points.slice(0, -1);
  write();
});
document.querySelector('#draw-clear').addEventListener('click', () => {
  points = [];
  write();
});
for (const input of shapes) {
  input.addEventListener('change', () => {
    if (shape() === 'point') points = points.slice(0, 1);
    write();
  });
}
text.addEventListener('change', () => {
  points = read();
  show();
  fit();
});

points = read();
show();
addReference(map, { basemap }).then((bounds) => {
  if (points.length > 0) fit();
  else if (bounds) map.fitBounds(bounds);
});
