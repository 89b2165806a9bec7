// The small map on a report's page.

import { addReference, makeMap, pinIcon } from './base-map.js';

const { L } = window;
const element = document.querySelector('#show-map');
const { lon, lat, basemap, label } = element.dataset;
const at = [Number(lat), Number(lon)];
const map = makeMap(element, { basemap, center: at, zoom: 15 });
const pin = L.marker(at, { icon: pinIcon(), keyboard: false, interactive: false, alt: label }).addTo(map);
pin.getElement().setAttribute('aria-hidden', 'true');
addReference(map, { basemap });
