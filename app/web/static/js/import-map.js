// The map of a file's first rows; the table under it says the same in words.

import { addReference, makeMap } from './base-map.js';

const { L } = window;
const element = document.querySelector('#import-map');
const { basemap, points } = element.dataset;
const map = makeMap(element, { basemap });

async function show() {
  const commune = await addReference(map, { basemap });
  const layer = L.geoJSON(JSON.parse(points), {
    pointToLayer: (_feature, at) => L.circleMarker(at, { radius: 7, className: 'import-point' }),
    onEachFeature: ({ properties }, shape) => shape.bindTooltip(String(properties.row)),
  }).addTo(map);
  const bounds = layer.getBounds();
  if (bounds.isValid()) map.fitBounds(bounds.pad(0.2), { maxZoom: 16 });
  else if (commune) map.fitBounds(commune);
}

show();
