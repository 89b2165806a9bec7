// One map of the page: its heat, its clusters and points, its reference layers.

import { VectorPoints } from './vector-points.js';
import { Reference } from './map-reference.js';

const { L } = window;
const POINTS_FROM_ZOOM = 15;
const HEAT = { minZoom: 8, maxZoom: 20, opacity: 0.85, className: 'heat-tiles' };

export class View {
  /**
   * `heat`: the tile layer that the page began with, or none. `urls`: addresses with {z}/{x}/{y}: tiles, vectors, places.
   * `note(layer, text)`: says something about a reference layer beside its name. `fail()`: tiles did not come.
   */
  constructor(map, { heat, urls, mayReadReports, note, fail }) {
    this.map = map;
    this.urls = urls;
    this.fail = fail;
    this.front = heat ?? this.#heatLayer('');
    this.front.on('tileerror', fail);
    this.back = null;
    this.layers = new Set();
    this.reference = new Reference(map, urls.places, note);
    const near = { minZoom: POINTS_FROM_ZOOM };
    const far = mayReadReports ? { maxZoom: POINTS_FROM_ZOOM - 1 } : {};
    this.counted = { clusters: new VectorPoints('', far), reports: new VectorPoints('', near) };
    for (const layer of Object.values(this.counted)) layer.on('failed', fail);
    this.reportsUrl = '';
  }

  #heatLayer(url) {
    return L.tileLayer(url, HEAT).on('tileerror', () => this.fail());
  }

  /** Draw another filter: `heat` and `reports` are parameters. Uses what `prepare` has loaded. */
  draw(heat, reports) {
    const url = `${this.urls.tiles}?${heat}`;
    if (this.back?._url === url) {
      const old = this.front;
      this.front = this.back.setOpacity(HEAT.opacity);
      this.back = old.setOpacity(0);
    } else if (this.front._url !== url) {
      this.front.setUrl(url);
    }
    this.#show('heat', this.front);
    this.#drawReports(`${this.urls.vectors}?${reports}`);
  }

  #drawReports(url) {
    if (url === this.reportsUrl) return;
    this.reportsUrl = url;
    for (const layer of Object.values(this.counted)) {
      if (this.map.hasLayer(layer)) layer.setUrl(url);
      else layer._url = url;
    }
  }

  /** Load a picture that will be wanted next, unseen; resolves when it is there, or after four seconds. */
  prepare(heat) {
    if (!this.layers.has('heat')) return Promise.resolve();
    const url = `${this.urls.tiles}?${heat}`;
    this.back ??= this.#heatLayer(url).setOpacity(0);
    if (!this.map.hasLayer(this.back)) this.back.addTo(this.map);
    const loaded = new Promise((resolve) => {
      this.back.once('load', resolve);
      setTimeout(resolve, 4000);
    });
    if (this.back._url !== url) this.back.setUrl(url);
    else if (!this.back.isLoading()) return Promise.resolve();
    return loaded;
  }

  /** Forget what was prepared. */
  unprepare() {
    this.back?.remove();
    this.back = null;
  }

  /** Show these layers and no others. */
  show(names) {
    this.layers = new Set(names);
    this.#show('heat', this.front);
    if (!this.layers.has('heat')) this.unprepare();
    for (const [name, layer] of Object.entries(this.counted)) this.#show(name, layer);
    this.reference.show(this.layers);
  }

  #show(name, layer) {
    const wanted = this.layers.has(name) && (name === 'heat' || this.reportsUrl !== '');
    if (wanted && !this.map.hasLayer(layer)) layer.addTo(this.map);
    else if (!wanted && this.map.hasLayer(layer)) layer.remove();
  }

  /** Ask again for everything that did not come. */
  retry() {
    this.front.redraw();
    for (const layer of Object.values(this.counted)) if (this.map.hasLayer(layer)) layer.redraw();
    this.reference.retry();
  }
}
