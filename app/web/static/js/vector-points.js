// Reports from /tiles/reports/{z}/{x}/{y}.mvt: clusters as circles with their number, single reports as dots.
//
//   import { VectorPoints } from '/static/js/vector-points.js';   // after Leaflet; the page links css/vector-points.css
//   const points = new VectorPoints('/tiles/reports/{z}/{x}/{y}.mvt?theme=street').addTo(map);
//   points.setUrl('/tiles/reports/{z}/{x}/{y}.mvt');               // another filter
//   points.on('failed', () => say(…));                              // a tile could not be read; 'load': all are there
//
// Options: `colour(properties)` of a dot, `describe(properties)` → text or element of its popup, and Leaflet's own of a
// GridLayer. A circle zooms in; a dot opens its popup. Neither takes the keyboard's focus: what the map shows must also
// stand in a table or a list on the page.

import { PbfReader } from '../node_modules/pbf/index.js';

const { L } = window;
const TILE = 256;

/** One colour a theme, safe for colour-blind readers (P. Tol, "Colour schemes", 2021, muted). */
export const THEME_COLOURS = {
  cleanliness: '#117733',
  street: '#88581f',
  building: '#332288',
  vehicles: '#44aa99',
  tranquillity: '#aa4499',
  transport: '#3377bb',
  services: '#cc6677',
  schools: '#999933',
};
const OTHER_COLOUR = '#4a5861';

/** The point features of a tile by layer: {clusters: {extent, features: [{x, y, properties}]}}, tile units, y down. */
export function readTile(buffer) {
  const layers = {};
  new PbfReader(new Uint8Array(buffer)).readFields((tag, into, pbf) => {
    if (tag !== 3) return;
    const layer = pbf.readMessage(readLayer, { name: '', extent: 4096, keys: [], values: [], raw: [] });
    const features = layer.raw.map(({ tags, geometry: [, x, y] }) => {
      const properties = {};
      for (let i = 0; i < tags.length; i += 2) properties[layer.keys[tags[i]]] = layer.values[tags[i + 1]];
      return { x: unzigzag(x), y: unzigzag(y), properties };
    });
    into[layer.name] = { extent: layer.extent, features };
  }, layers);
  return layers;
}

function readLayer(tag, layer, pbf) {
  if (tag === 1) layer.name = pbf.readString();
  else if (tag === 2) layer.raw.push(pbf.readMessage(readFeature, { tags: [], geometry: [] }));
  else if (tag === 3) layer.keys.push(pbf.readString());
  else if (tag === 4) layer.values.push(pbf.readMessage(readValue, { is: null }).is);
  else if (tag === 5) layer.extent = pbf.readVarint();
}

function readFeature(tag, feature, pbf) {
  if (tag === 2) pbf.readPackedVarint(feature.tags);
  else if (tag === 4) pbf.readPackedVarint(feature.geometry);
}

const VALUES = {
  1: (pbf) => pbf.readString(),
  2: (pbf) => pbf.readFloat(),
  3: (pbf) => pbf.readDouble(),
  4: (pbf) => pbf.readVarint(true),
  5: (pbf) => pbf.readVarint(),
  6: (pbf) => pbf.readSVarint(),
  7: (pbf) => pbf.readBoolean(),
};

function readValue(tag, value, pbf) {
  if (VALUES[tag]) value.is = VALUES[tag](pbf);
}

const unzigzag = (value) => (value % 2 ? (value + 1) / -2 : value / 2);

const inFrench = () => document.documentElement.lang !== 'en';
const labelOf = (properties, name = 'label') => properties[`${name}_${inFrench() ? 'fr' : 'en'}`];

function describeReport(properties) {
  const link = document.createElement('a');
  link.href = `/reports/${encodeURIComponent(properties.id)}`;
  link.textContent = labelOf(properties);
  return link;
}

export const VectorPoints = L.GridLayer.extend({
  options: {
    minZoom: 8,
    maxZoom: 20,
    maxNativeZoom: 16,
    tileSize: TILE,
    colour: (properties) => THEME_COLOURS[properties.theme] ?? OTHER_COLOUR,
    describe: describeReport,
  },

  initialize(url, options) {
    L.setOptions(this, options);
    this._url = url;
    this.on('tileunload', ({ tile }) => this._forget(tile));
  },

  /** Another filter: everything is asked for anew. */
  setUrl(url) {
    this._url = url;
    return this.redraw();
  },

  onAdd(map) {
    this._dots = this._dots ?? L.canvas({ padding: 0.2, pane: this.options.pane === 'tilePane' ? 'overlayPane' : this.options.pane });
    L.GridLayer.prototype.onAdd.call(this, map);
  },

  onRemove(map) {
    for (const { el } of Object.values(this._tiles)) this._forget(el);
    L.GridLayer.prototype.onRemove.call(this, map);
  },

  createTile(coords, done) {
    const tile = L.DomUtil.create('div', 'vector-points');
    tile.request = new AbortController();
    this._fill(tile, coords).then(
      () => done(null, tile),
      (error) => {
        if (error.name === 'AbortError') return;
        done(error, tile);
        this.fire('failed', { error, coords });
      },
    );
    return tile;
  },

  async _fill(tile, coords) {
    const answer = await fetch(L.Util.template(this._url, coords), { signal: tile.request.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    const layers = readTile(await answer.arrayBuffer());
    // A tile may have left while it was read.
    if (tile.request.signal.aborted || !this._map) return;
    tile.drawn = L.layerGroup().addTo(this._map);
    for (const [name, { extent, features }] of Object.entries(layers)) {
      for (const { x, y, properties } of features) {
        // What lies in the margin is another tile's.
        if (x < 0 || y < 0 || x >= extent || y >= extent) continue;
        const at = this._map.unproject([(coords.x + x / extent) * TILE, (coords.y + y / extent) * TILE], coords.z);
        tile.drawn.addLayer(name === 'clusters' ? this._circle(at, properties) : this._dot(at, properties));
      }
    }
  },

  _forget(tile) {
    tile.request.abort();
    tile.drawn?.remove();
  },

  /** A circle whose area grows with the logarithm of its number. */
  _circle(at, { count, severity = 0 }) {
    const size = Math.round(26 + 8 * Math.min(Math.log10(count), 4));
    const html = document.createElement('span');
    html.textContent = new Intl.NumberFormat(inFrench() ? 'fr' : 'en', { notation: count >= 10_000 ? 'compact' : 'standard' }).format(count);
    const icon = L.divIcon({ className: `vector-cluster vector-cluster-${severity}`, iconSize: [size, size], html });
    const closer = () => this._map?.setView(at, Math.min(Math.round(this._map.getZoom()) + 2, this._map.getMaxZoom()));
    return L.marker(at, { icon, keyboard: false }).on('click', closer);
  },

  _dot(at, properties) {
    const style = { radius: 4 + properties.severity, weight: 1.5, color: '#ffffff', fillColor: this.options.colour(properties), fillOpacity: 0.95 };
    return L.circleMarker(at, { ...style, renderer: this._dots }).bindPopup(() => this.options.describe(properties));
  },
});
