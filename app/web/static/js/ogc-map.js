// The map of a page of features; the table under it says the same in words.

import { addReference, makeMap } from './base-map.js';

const { L } = window;
const element = document.querySelector('#ogc-map');
const { basemap, source } = element.dataset;
const map = makeMap(element, { basemap });

function popup({ id, properties }) {
  const box = document.createElement('div');
  const link = document.createElement('a');
  link.href = `${new URL(source, document.baseURI).pathname.replace(/\/items.*$/, '/items')}/${id}?f=html`;
  link.textContent = properties.name ?? properties.category ?? properties.kind ?? id; // never as HTML: people typed it
  box.append(link);
  return box;
}

async function show() {
  const commune = await addReference(map, { basemap });
  const response = await fetch(source).catch(() => null);
  if (!response?.ok) {
    if (commune) map.fitBounds(commune);
    return; // the table has them all
  }
  const layer = L.geoJSON(await response.json(), {
    style: { className: 'feature' },
    pointToLayer: (_feature, at) => L.circleMarker(at, { radius: 7, className: 'feature dot' }),
    onEachFeature: (feature, shape) => shape.bindPopup(popup(feature)),
  }).addTo(map);
  const bounds = layer.getBounds();
  if (bounds.isValid()) map.fitBounds(bounds.pad(0.1), { maxZoom: 17 });
}

show();
