// Reference geography on a map: loaded when it is first wanted, large kinds by window, names where there is room.

const { L } = window;

/** How each kind is drawn; `simplify`: to so many metres; `fromZoom`: not before. `byWindow`: a city has too many to load at once. */
const KINDS = {
  commune: { area: true },
  iris: { area: true, named: true, fromZoom: 12 },
  neighbourhood: { area: true, named: true },
  qpv: { area: true, named: true },
  line: { simplify: 5 },
  stop: { radius: 4, fromZoom: 13 },
  residence: { radius: 4, fromZoom: 14, byWindow: true },
  school: { radius: 6, fromZoom: 12 },
};
const NAMES_FROM_ZOOM = 13.5;

const files = new Map();

/** A whole layer, asked for once for all maps; a failed one is asked for again the next time. */
function whole(url) {
  if (!files.has(url)) {
    const file = read(url);
    file.catch(() => files.delete(url));
    files.set(url, file);
  }
  return files.get(url);
}

async function read(url, signal) {
  const answer = await fetch(url, { headers: { Accept: 'application/geo+json' }, signal });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

export class Reference {
  constructor(map, url, note) {
    this.map = map;
    this.url = url;
    this.note = note;
    this.wanted = new Set();
    this.drawn = new Map();
    this.failed = new Set();
    this.texts = document.getElementById('map-texts').dataset;
    map.createPane('vectors').style.zIndex = 350;
    this.renderer = L.svg({ pane: 'vectors', padding: 0.3 });
    map.on('moveend', () => this.refresh());
  }

  /** Show these kinds and no others; the commune always. */
  show(kinds) {
    this.wanted = new Set(Object.keys(KINDS).filter((kind) => kind === 'commune' || kinds.has(kind)));
    this.refresh();
  }

  /** Ask again for what did not come. */
  retry() {
    this.failed.clear();
    this.refresh();
  }

  refresh() {
    for (const kind of Object.keys(KINDS)) {
      const near = this.map.getZoom() >= (KINDS[kind].fromZoom ?? 0);
      if (!this.wanted.has(kind)) this.#hide(kind, '');
      else if (!near) this.#hide(kind, this.texts.closer);
      else if (!this.failed.has(kind)) this.#draw(kind);
    }
    this.#tidyNames();
  }

  #hide(kind, text) {
    this.drawn.get(kind)?.layer?.remove();
    this.note(kind, text);
  }

  async #draw(kind) {
    const known = this.drawn.get(kind) ?? {};
    this.drawn.set(kind, known);
    const { byWindow, simplify } = KINDS[kind];
    const window = byWindow ? `?bbox=${this.#window()}` : '';
    if (known.layer && (!window || known.window === window)) {
      if (this.wanted.has(kind)) known.layer.addTo(this.map);
      this.note(kind, known.text);
      return;
    }
    if (known.asked === window) return;
    known.asked = window;
    known.request?.abort();
    known.request = new AbortController();
    try {
      const url = `${this.url}${kind}.geojson${window || (simplify ? `?simplify=${simplify}` : '')}`;
      const data = await (window ? read(url, known.request.signal) : whole(url));
      known.layer?.remove();
      Object.assign(known, { layer: this.#layer(kind, data), window, text: this.#text(data) });
    } catch (error) {
      if (error.name === 'AbortError') return;
      // Too many places in this window, or no network: the map goes on without them.
      if (error.message !== '400') this.failed.add(kind);
      this.note(kind, error.message === '400' ? this.texts.closer : this.texts.unreadable);
      return;
    } finally {
      if (known.asked === window) known.asked = null;
    }
    this.refresh();
  }

  #window() {
    // Rounded outwards, so that a small move asks for nothing new.
    const box = this.map.getBounds();
    const step = 0.02;
    const down = (value) => (Math.floor(value / step) * step).toFixed(2);
    const up = (value) => (Math.ceil(value / step) * step).toFixed(2);
    return [down(box.getWest()), down(box.getSouth()), up(box.getEast()), up(box.getNorth())].join(',');
  }

  #text({ features }) {
    if (!features.length) return this.texts.none;
    return features.some(({ properties }) => properties.approximate) ? this.texts.approximate : '';
  }

  #layer(kind, data) {
    const { area = false, named = false, radius } = KINDS[kind];
    const style = ({ properties }) => ({
      className: `place place-${kind}${properties.approximate ? ' place-approximate' : ''}`,
      fill: radius !== undefined,
      interactive: radius !== undefined || kind === 'line',
    });
    return L.geoJSON(data, {
      pane: 'vectors',
      renderer: this.renderer,
      style,
      pointToLayer: (feature, at) => L.circleMarker(at, { ...style(feature), radius, pane: 'vectors', renderer: this.renderer }),
      onEachFeature: (feature, shape) => this.#name(feature, shape, { area, named, kind }),
    });
  }

  #name({ properties }, shape, { area, named, kind }) {
    if (area && !named) return;
    const name = document.createElement('span');
    // Never as HTML: names come from files of others.
    name.textContent = properties.name + (properties.approximate ? ` (${this.texts.approximate})` : '');
    const options = named
      ? { permanent: true, direction: 'center', className: `place-name place-name-${kind}` }
      : { sticky: kind === 'line', direction: 'top', className: 'place-hint' };
    shape.bindTooltip(name, { interactive: false, ...options });
  }

  /** Names from close by only, and none over another. */
  #tidyNames() {
    const near = this.map.getZoom() >= NAMES_FROM_ZOOM;
    this.map.getContainer().classList.toggle('names', near);
    if (!near) return;
    const kept = [];
    for (const element of this.map.getPane('tooltipPane').querySelectorAll('.place-name')) {
      element.classList.remove('crowded');
      const box = element.getBoundingClientRect();
      const crowded = kept.some((other) => box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom);
      element.classList.toggle('crowded', crowded);
      if (!crowded) kept.push(box);
    }
  }
}
