// The map under a form or a report: our own vectors, and outside tiles only when the settings name a base map.

const { L } = window;

const AMIENS = [49.894, 2.2957];
const BASEMAPS = {
  ign: {
    url:
      'https://data.geopf.fr/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=GEOGRAPHICALGRIDSYSTEMS.PLANIGNV2' +
      '&STYLE=normal&FORMAT=image/png&TILEMATRIXSET=PM&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}',
    attribution: '© IGN',
  },
  osm: { url: 'https://tile.openstreetmap.org/{z}/{x}/{y}.png', attribution: '© OpenStreetMap' },
};

/** The layers below, in this order; `kind` is the reference geography's own name for it. */
const LAYERS = [
  { kind: 'commune', className: 'map-commune' },
  { kind: 'neighbourhood', className: 'map-neighbourhood', labelled: true },
  { kind: 'line', className: 'map-line' },
];

/** A Leaflet map in `element`. Without a base map it draws the commune as land. */
export function makeMap(element, { basemap = 'none', center = AMIENS, zoom = 13 } = {}) {
  const map = L.map(element, { center, zoom, minZoom: 9, maxZoom: 19, zoomSnap: 0.5, attributionControl: false });
  const credits = L.control.attribution({ prefix: false }).addTo(map);
  const tiles = BASEMAPS[basemap];
  if (tiles) {
    L.tileLayer(tiles.url, { attribution: tiles.attribution, maxZoom: 19, referrerPolicy: 'no-referrer' }).addTo(map);
  } else {
    credits.addAttribution('Quiétude');
  }
  return map;
}

/** Add the reference geography; resolves to the commune's bounds, or null when it could not be read. */
export async function addReference(map, { basemap = 'none' } = {}) {
  const answers = await Promise.all(LAYERS.map(({ kind }) => read(`/api/places/${kind}.geojson`)));
  let bounds = null;
  LAYERS.forEach((layer, index) => {
    const data = answers[index];
    if (!data || (basemap !== 'none' && layer.kind === 'line')) return;
    const vectors = L.geoJSON(data, {
      interactive: false,
      style: () => ({ className: layer.className, fill: layer.kind !== 'line' && basemap === 'none' }),
      pointToLayer: () => null,
      onEachFeature: layer.labelled ? label : undefined,
    }).addTo(map);
    if (layer.kind === 'commune' && vectors.getBounds().isValid()) bounds = vectors.getBounds();
  });
  return bounds;
}

function label(feature, layer) {
  const name = document.createElement('span');
  name.textContent = feature.properties.name; // never as HTML: names come from files of others
  layer.bindTooltip(name, {
    permanent: true,
    direction: 'center',
    className: 'map-label',
    interactive: false,
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
