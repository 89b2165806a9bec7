// The map of many interventions; the table under it says the same in words.

import { addReference, makeMap } from './base-map.js';

const { L } = window;
const element = document.querySelector('#interventions-map');
const { basemap, source } = element.dataset;
const map = makeMap(element, { basemap });

function popup({ id, properties }) {
  const box = document.createElement('div');
  const link = document.createElement('a');
  link.href = `/interventions/${id}`;
  link.textContent = properties.label;
  const who = document.createElement('p');
  who.textContent = properties.organisation; // never as HTML: names are typed by people
  box.append(link, who);
  return box;
}

async function show() {
  const commune = await addReference(map, { basemap });
  const response = await fetch(source, { headers: { Accept: 'application/geo+json' } }).catch(() => null);
  if (!response?.ok) {
    if (commune) map.fitBounds(commune);
    return; // the table has them all
  }
  const layer = L.geoJSON(await response.json(), {
    // The style is applied after pointToLayer, so it says what a dot is too.
    style: ({ properties, geometry }) => ({ className: `shape state-${properties.state}${geometry.type === 'Point' ? ' dot' : ''}` }),
    pointToLayer: (_feature, at) => L.circleMarker(at, { radius: 8 }),
    onEachFeature: (feature, shape) => shape.bindPopup(popup(feature)),
  }).addTo(map);
  const bounds = layer.getBounds();
  if (bounds.isValid()) map.fitBounds(bounds.pad(0.1), { maxZoom: 17 });
}

show();
