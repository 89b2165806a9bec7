// The map page: filters redraw without a reload and live in the address; everything drawn comes from its own address.

import './map-leaflet.js';
import { fillForm, formQuery, heatQuery, periods, remember, reportQuery } from './map-address.js';
import { removeSecond, secondMap } from './map-compare.js';
import { Periods } from './map-periods.js';
import { keepOrder, sortByClick } from './map-table.js';
import { Timeline } from './map-time.js';
import { sayValues } from './map-value.js';
import { View } from './map-view.js';
import { nameControls } from './map-words.js';

const { map, heat, base, fit } = window.quietudeMap;
const element = (id) => document.getElementById(id);
const form = element('map-filter');
const results = element('map-results');
const legend = element('legend');
const texts = element('map-texts').dataset;
const layerBoxes = [...element('map-layers').querySelectorAll('input')];
const usualLayers = element('map-layers').dataset.usual;
const path = new URL(form.action).pathname;

const say = (text) => { element('map-state').textContent = text; };
const note = (layer, text) => {
  const place = document.querySelector(`[data-note="${layer}"]`);
  if (place) place.textContent = text ? `(${text})` : '';
};
const urls = {
  tiles: results.dataset.tilesUrl,
  vectors: results.dataset.vectorsUrl,
  places: results.dataset.placesUrl,
};
const parts = { urls, mayReadReports: layerBoxes.some(({ value }) => value === 'reports'), note, fail: () => say(navigator.onLine ? texts.tiles : texts.offline) };
const first = new View(map, { heat, ...parts });
let second = null;
let query = new URLSearchParams(location.search);
let wasMoved = query.has('at');

// --- the address ---

function layers() {
  return layerBoxes.filter(({ checked }) => checked).map(({ value }) => value);
}

function address() {
  const kept = new URLSearchParams(query);
  for (const name of ['layers', 'at', 'step', 'rows']) kept.delete(name);
  const shown = layers().join(',') || 'none';
  if (shown !== usualLayers) kept.set('layers', shown);
  if (wasMoved) {
    const { lat, lng } = map.getCenter();
    kept.set('at', `${lat.toFixed(5)},${lng.toFixed(5)},${map.getZoom()}`);
  }
  if (timeline.step) kept.set('step', timeline.step.from);
  return kept;
}

const keep = ({ push = false } = {}) => remember(path, address(), { push });

// --- drawing ---

/** What each map draws: the filter's period, a step of the slider, or one of two periods. */
function pictures(top) {
  const { step } = timeline;
  const all = step ? [{ from: step.from, to: step.to, top: step.top }] : periods(query).map((period) => ({ ...period, top }));
  return all.map((more) => ({ heat: heatQuery(query, more), reports: reportQuery(query, more) }));
}

function draw(top) {
  const drawn = pictures(top);
  setSecond(drawn.length > 1);
  [first, second].forEach((view, index) => view?.draw(drawn[index].heat, drawn[index].reports));
}

function setSecond(isWanted) {
  if (isWanted === (second !== null)) return;
  if (isWanted) {
    const made = secondMap(map, base);
    second = new View(made.map, parts);
    second.made = made;
    values.listen(made.map);
    describe(made.map, texts.secondMap);
    second.show(layers());
    if (!wasMoved) fit();
  } else {
    removeSecond(map, second.made);
    second = null;
    if (!wasMoved) fit();
  }
  describe(map, second ? texts.firstMap : texts.map);
}

function describe(one, text) {
  const container = one.getContainer();
  container.setAttribute('role', 'application');
  container.setAttribute('aria-label', text);
}

// The latest request wins: an answer that comes late must not overwrite a newer one.
let running = null;
async function redraw({ push = true, rows = '' } = {}) {
  query = formQuery(form);
  keep({ push });
  running?.abort();
  const request = (running = new AbortController());
  // Two pictures wait for the scale of colours that they share.
  if (pictures().length === 1) draw();
  const asked = new URLSearchParams(query);
  if (timeline.step) for (const name of ['from', 'to', 'top']) if (timeline.step[name]) asked.set(name, timeline.step[name]);
  if (rows) asked.set('rows', rows);
  say(texts.loading);
  try {
    const answer = await fetch(`${results.dataset.url}?${asked}`, { signal: request.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    const html = await answer.text();
    if (request !== running) return;
    replaceResults(html);
    if (pictures().length > 1) draw(element('legend-text').dataset.top);
    showLegend();
  } catch (error) {
    if (error.name !== 'AbortError') say(navigator.onLine ? texts.failed : texts.offline);
  }
}

function replaceResults(html) {
  const focused = results.contains(document.activeElement) ? document.activeElement.id || document.activeElement.dataset.sort : null;
  results.innerHTML = html;
  keepOrder(results);
  if (focused) (element(focused) ?? results.querySelector(`[data-sort="${focused}"]`))?.focus();
}

// The map carries a copy of the legend's classes, so that the picture says what it means on its own.
function showLegend() {
  const text = element('legend-text');
  const classes = text.querySelector('.legend-classes');
  const unit = text.querySelector('.legend-unit');
  legend.replaceChildren(...(classes ? [unit, classes] : []).map((part) => part.cloneNode(true)));
  legend.hidden = !classes;
  showTitles([...text.querySelectorAll('.legend-period .period')].map((period) => period.textContent));
  const stale = text.querySelector('.stale');
  say(stale ? stale.textContent : classes ? '' : texts.empty);
}

function showTitles(periodTexts) {
  const title = element('pane-title');
  title.hidden = !second && !timeline.step;
  if (second) {
    title.textContent = `A · ${periodTexts[0] ?? ''}`;
    second.made.title.textContent = `B · ${periodTexts[1] ?? ''}`;
  } else if (timeline.step) {
    title.textContent = timeline.step.text;
  }
}

// --- the parts ---

const values = sayValues({
  views: () => {
    const drawn = pictures(element('legend-text').dataset.top);
    return [first, second].flatMap((view, index) => (view ? [{ map: view.map, query: drawn[index].heat }] : []));
  },
  url: results.dataset.pointUrl,
  said: element('map-said'),
  fail: say,
  failed: texts.failed,
});

const timeline = new Timeline({
  query: () => heatQuery(query),
  say,
  show(step, { quiet }) {
    if (!step) first.unprepare();
    if (!quiet) { redraw({ push: false }); return; }
    draw();
    showTitles([]);
  },
  prepare: (step) => first.prepare(heatQuery(query, step)),
});

const choosing = new Periods(form, {
  changed: () => choose(),
  drawn: () => element('legend-text').dataset,
});

/** Something of the filter was chosen: draw it, or say what is missing. */
function choose() {
  choosing.check();
  if (!form.checkValidity()) {
    // A second period that is half written is still being written.
    if (form.querySelector(':invalid:not(:placeholder-shown)')) form.reportValidity();
    return;
  }
  const wasStepping = timeline.step !== null;
  timeline.leave({ redraw: false });
  first.unprepare();
  redraw();
  if (wasStepping && !choosing.isCompared) timeline.start();
}

function fitFields() {
  const themes = [...form.querySelectorAll('[name=theme]:checked')].map(({ value }) => value);
  for (const group of form.querySelectorAll('optgroup[data-theme]')) group.hidden = themes.length > 0 && !themes.includes(group.dataset.theme);
  for (const part of form.querySelectorAll('[data-for-measure]')) part.hidden = part.dataset.forMeasure !== form.elements.measure.value;
  const { category } = form.elements;
  if (category?.selectedOptions[0]?.parentElement.hidden) category.value = '';
}

form.addEventListener('submit', (event) => { event.preventDefault(); choose(); });
form.addEventListener('change', (event) => {
  fitFields();
  if (event.target.name) choose();
});
results.addEventListener('change', (event) => { if (event.target.name === 'by') redraw(); });
// What is taken along shows the place that the map was moved to.
results.addEventListener('click', (event) => {
  const link = event.target.closest('.map-downloads a');
  if (!link || !wasMoved || !/\/map\.(png|pdf)/.test(link.href)) return;
  const address = new URL(link.href);
  address.searchParams.set('bbox', map.getBounds().toBBoxString());
  link.href = address.href;
});
results.addEventListener('click', (event) => { if ('allRows' in event.target.dataset) redraw({ push: false, rows: 'all' }); });

element('time-open').addEventListener('click', () => {
  if (!choosing.isCompared) return;
  choosing.toggle(false);
  redraw();
}, { capture: true });

function showLayers() {
  for (const view of [first, second]) view?.show(layers());
}
element('map-layers').addEventListener('change', () => { showLayers(); keep(); });
element('map-layers').addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || !element('map-layers').open) return;
  element('map-layers').open = false;
  element('map-layers').querySelector('summary').focus();
});

addEventListener('popstate', () => {
  query = new URLSearchParams(location.search);
  fillForm(form, query);
  const shown = (query.get('layers') ?? usualLayers).split(',');
  for (const box of layerBoxes) box.checked = shown.includes(box.value);
  choosing.toggle(query.has('from2'));
  fitFields();
  timeline.leave({ redraw: false });
  showLayers();
  redraw({ push: false });
  if (query.has('step')) timeline.start(query.get('step'));
});
addEventListener('offline', () => say(texts.offline));
addEventListener('online', () => {
  for (const view of [first, second]) view?.retry();
  redraw({ push: false });
});
// On paper the map has another size: it takes it before, so that the same place stays in its middle.
for (const happens of ['beforeprint', 'afterprint']) {
  addEventListener(happens, () => {
    document.documentElement.classList.toggle('printing', happens === 'beforeprint');
    for (const view of [first, second]) view?.map.invalidateSize({ animate: false });
  });
}

for (const happens of ['pointerdown', 'wheel', 'keydown']) {
  map.getContainer().addEventListener(happens, () => { wasMoved = true; }, { passive: true, once: true });
}
map.on('moveend', () => { if (wasMoved) keep(); });

// --- the beginning ---

document.documentElement.classList.add('scripted');
for (const part of document.querySelectorAll('[data-scripted]')) part.hidden = false;
element('map-apply').hidden = true;
if (matchMedia('(max-width: 50rem)').matches) element('map-filters').open = false;
nameControls(map);
describe(map, texts.map);
values.listen(map);
sortByClick(results);
element('map-ask').addEventListener('click', () => values.atCentre(map));
fitFields();
if (query.has('at')) {
  const [lat, lon, zoom] = query.get('at').split(',').map(Number);
  map.setView([lat, lon], zoom, { animate: false });
}
const beginsAt = query.get('step');
query = formQuery(form);
draw(element('legend-text').dataset.top);
showLayers();
showLegend();
if (beginsAt) timeline.start(beginsAt);
