// A second map beside the first (on a phone below it): the same place, another period.

import { nameControls } from './map-words.js';

const { L } = window;

/** Make the second map, tied to the first: whichever is moved, the other follows. */
export function secondMap(first, base) {
  const pane = document.createElement('div');
  pane.className = 'map-pane second';
  const title = document.createElement('p');
  title.className = 'pane-title';
  const element = document.createElement('div');
  element.className = 'folium-map';
  const cross = document.createElement('span');
  cross.className = 'cross';
  pane.append(title, element, cross);
  document.querySelector('#map-panes .map-pane').after(pane);
  document.getElementById('map-panes').classList.add('two');
  first.invalidateSize({ animate: false });
  const { minZoom, maxZoom, zoomSnap, fadeAnimation } = first.options;
  const map = L.map(element, {
    center: first.getCenter(), zoom: first.getZoom(), minZoom, maxZoom, zoomSnap, fadeAnimation, zoomControl: false, preferCanvas: true,
  });
  map.attributionControl.setPrefix('');
  if (base) L.tileLayer(...base).addTo(map);
  nameControls(map);
  tie(first, map);
  return { map, pane, title };
}

/** Take it away again. */
export function removeSecond(first, { map, pane }) {
  first.off('move', map.followed);
  map.remove();
  pane.remove();
  document.getElementById('map-panes').classList.remove('two');
  first.invalidateSize({ animate: false });
}

function tie(first, second) {
  let busy = false;
  const follower = (from, to) => () => {
    if (busy) return;
    busy = true;
    to.setView(from.getCenter(), from.getZoom(), { animate: false });
    busy = false;
  };
  second.followed = follower(first, second);
  first.on('move', second.followed);
  second.on('move', follower(second, first));
}
