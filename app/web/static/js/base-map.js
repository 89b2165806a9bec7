// The map under a form or a report: our own vectors, and outside tiles only when the settings name a base map.

import { nameControls } from './map-words.js';

const { L } = window;

const AMIENS = [49.894, 2.2957];
const BASEMAPS = {
  ign: {
    url:
      'https://data.geopf.fr/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=GEOGRAPHICALGRIDSYSTEMS.PLANIGNV2' +
      '&STYLE=normal&FORMAT=image/png&TILEMATRIXSET=PM&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}',
    attribution: '© IGN',
    referrerPolicy: 'no-referrer',
  },
  osm: {
    url: 'https://tile.openstreetmap.org/{z}/{x}/{y}.png',
    attribution: '© OpenStreetMap',
    referrerPolicy: 'origin', // its terms of use want to know the site; the page's address stays ours
  },
};

/** The layers below, in this order; `kind` is the reference geography's own name for it. */
const LAYERS = [
  { kind: 'commune', className: 'map-commune' },
  { kind: 'neighbourhood', className: 'map-neighbourhood', labelled: true },
  { kind: 'line', className: 'map-line' },
];
const PANE = 'reference'; // below whatever the page draws, also when that was there before
const STOPS_FROM_ZOOM = 14;
const STOP_NAMES_FROM_ZOOM = 16;

/** A Leaflet map in `element`. Without a base map it draws the commune as land. */
export function makeMap(element, { basemap = 'none', center = AMIENS, zoom = 13 } = {}) {
  const map = L.map(element, { center, zoom, minZoom: 9, maxZoom: 19, zoomSnap: 0.5, attributionControl: false });
  const credits = L.control.attribution({ prefix: false }).addTo(map);
  const tiles = BASEMAPS[basemap];
  if (tiles) {
    L.tileLayer(tiles.url, { ...tiles, maxZoom: 19 }).addTo(map);
  } else {
    credits.addAttribution('Quiétude');
  }
  nameControls(map);
  // A window that changes while the map is hidden leaves it without a size.
  new ResizeObserver(() => { if (element.offsetWidth) map.invalidateSize({ animate: false }); }).observe(element);
  return map;
}

/** Add the reference geography; resolves to the commune's bounds, or null when it could not be read. */
export async function addReference(map, { basemap = 'none' } = {}) {
  const answers = await Promise.all(LAYERS.map(({ kind }) => read(`/api/places/${kind}.geojson`)));
  let bounds = null;
  map.createPane(PANE).style.zIndex = 350;
  LAYERS.forEach((layer, index) => {
    const data = answers[index];
    if (!data || (basemap !== 'none' && layer.kind === 'line')) return;
    const vectors = L.geoJSON(data, {
      pane: PANE,
      interactive: false,
      style: () => ({ className: layer.className, fill: layer.kind !== 'line' && basemap === 'none' }),
      onEachFeature: layer.labelled ? label : undefined,
    }).addTo(map);
    if (layer.kind === 'commune' && vectors.getBounds().isValid()) bounds = vectors.getBounds();
  });
  addStops(map);
  map.on('zoomend moveend', () => tidyLabels(map));
  tidyLabels(map);
  return bounds;
}

/** Stops are what people know the street by: read once somebody looks closely, named when there is room. */
function addStops(map) {
  let stops = null;
  const follow = async () => {
    const near = map.getZoom() >= STOPS_FROM_ZOOM;
    if (near && !stops) {
      stops = L.layerGroup();
      const data = await read('/api/places/stop.geojson');
      const pointToLayer = (feature, at) => L.circleMarker(at, { pane: PANE, radius: 4, className: 'map-stop', interactive: false });
      if (data) stops.addLayer(L.geoJSON(data, { interactive: false, pointToLayer, onEachFeature: stopLabel }));
    }
    if (!stops) return;
    if (map.getZoom() >= STOPS_FROM_ZOOM) stops.addTo(map);
    else stops.remove();
    tidyLabels(map);
  };
  map.on('zoomend', follow);
  follow();
}

function stopLabel(feature, layer) {
  label(feature, layer, { direction: 'right', className: 'map-label map-label-stop' });
}

/** Names that would stand on one another, or stops' names seen from far, are left out. */
function tidyLabels(map) {
  const kept = [];
  const far = map.getZoom() < STOP_NAMES_FROM_ZOOM;
  const size = map.getContainer().getBoundingClientRect();
  for (const element of map.getPane('tooltipPane').children) {
    const box = element.getBoundingClientRect();
    const outside = box.right < size.left || box.left > size.right || box.bottom < size.top || box.top > size.bottom;
    const hidden = (far && element.classList.contains('map-label-stop')) || outside || kept.some((other) => overlap(box, other));
    element.classList.toggle('crowded', hidden);
    if (!hidden) kept.push(box);
  }
}

function overlap(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

function label(feature, layer, more = {}) {
  const name = document.createElement('span');
  name.textContent = feature.properties.name; // never as HTML: names come from files of others
  layer.bindTooltip(name, {
    permanent: true,
    direction: 'center',
    className: 'map-label',
    interactive: false,
    ...more,
  });
}

async function read(url) {
  try {
    const response = await fetch(url, { headers: { Accept: 'application/geo+json' } });
    return response.ok ? await response.json() : null;
  } catch {
    return null; // the map works without its decoration
  }
}

/** The pin, drawn from our own sprite. */
export function pinIcon() {
  const size = [44, 44];
  const icon = L.divIcon({ className: 'map-pin', iconSize: size, iconAnchor: [22, 40] });
  const create = icon.createIcon.bind(icon);
  icon.createIcon = (old) => {
    const element = create(old);
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('aria-hidden', 'true');
    const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
    use.setAttribute('href', '/static/icons.svg#map-pin');
    svg.append(use);
    element.replaceChildren(svg);
    return element;
  };
  return icon;
}
