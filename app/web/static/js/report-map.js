// The map of "Where?" with its point. Leaflet comes first: what follows finds it in the window.

import '../node_modules/leaflet/dist/leaflet.js';
import { addReference, makeMap } from './base-map.js';
import { setUpHere } from './report-here.js';

/** Draw it in `part`. `onMove({lon, lat})` runs when the point has changed. Returns {here (report-here.js), center()}. */
export function setUpMap(form, part, texts, onMove) {
  document.querySelector('#map-style').media = 'all';
  const basemap = form.dataset.basemap || 'none';
  const map = makeMap(part.querySelector('#report-map'), { basemap });
  const here = setUpHere(map, { texts, status: part.querySelector('#place-status'), onMove });
  addReference(map, { basemap }).then((bounds) => {
    if (bounds && !here.at()) map.fitBounds(bounds, { animate: false });
  });

  function center() {
    const { lng, lat } = map.getCenter();
    here.put({ lon: lng, lat });
    here.pin().getElement()?.focus();
  }

  return { here, center };
}
