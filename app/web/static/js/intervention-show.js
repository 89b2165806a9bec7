// The small map on an intervention's page: its point, line or area.

import { addReference, makeMap } from './base-map.js';

const { L } = window;
const element = document.querySelector('#show-map');
const { geometry, lon, lat, state, basemap } = element.dataset;
const map = makeMap(element, { basemap, center: [Number(lat), Number(lon)], zoom: 16 });
const shape = L.geoJSON(JSON.parse(geometry), {
  interactive: false,
  // The style is applied after pointToLayer, so it says what a dot is too.
  style: ({ geometry: { type } }) => ({ className: `shape state-${state}${type === 'Point' ? ' dot' : ''}` }),
  pointToLayer: (_feature, at) => L.circleMarker(at, { radius: 10, interactive: false }),
}).addTo(map);
const bounds = shape.getBounds();
if (bounds.isValid() && !bounds.getSouthWest().equals(bounds.getNorthEast())) map.fitBounds(bounds.pad(0.5), { maxZoom: 17 });
addReference(map, { basemap });
