// What is near: the open reports that the phone took along, the nearest first, each with two answers of one tap.

import { addReference, makeMap } from './base-map.js';
import { makeIcon } from './make-icon.js';
import { moment } from './moments.js';
import { byDistance, distanceText } from './near-places.js';
import { newId } from './photo-upload.js';
import { openReports } from './offline-reference.js';
import { canKeep, follow, keep, sendNow } from './report-outbox.js';
import { list as outboxItems } from './offline-outbox.js';
import { postSurely } from './report-send.js';
import { setUpHere } from './report-here.js';

const { L } = window;
const RADIUS_M = 500;
const MOST = 30;
const HERE_M = 3; // nearer than any direction means something
const FAR_MOST = 5; // when nothing is near: where the next ones are
const ARROWS = [...'↑↗→↘↓↙←↖'];
const page = document.querySelector('#near');
const texts = JSON.parse(document.querySelector('#near-texts').textContent);
const labels = JSON.parse(document.querySelector('#near-labels').textContent);
const list = page.querySelector('#near-list');
const title = page.querySelector('#near-title');
const empty = page.querySelector('#near-empty');
const said = new Map(); // report → what was answered on this phone
let known = null;
let dots = null;

for (const part of ['#near-live', '#near-locate']) page.querySelector(part).hidden = false;
const basemap = page.dataset.basemap || 'none';
const map = makeMap(page.querySelector('#near-map'), { basemap });
const here = setUpHere(map, { texts, status: page.querySelector('#near-status'), button: page.querySelector('#near-locate'), onMove: show });
addReference(map, { basemap }).then((bounds) => { if (bounds && !here.at()) map.fitBounds(bounds, { animate: false }); });
start();

async function start() {
  if (page.dataset.lon) here.put({ lon: Number(page.dataset.lon), lat: Number(page.dataset.lat) });
  else here.locateIfAllowed();
  if (canKeep()) {
    for (const item of await outboxItems().catch(() => [])) {
      if (item.kind === 'confirmation' && item.state !== 'refused') said.set(item.after, { id: item.id, seen: item.body?.seen });
    }
  }
  known = await openReports().catch(() => null);
  sayWhen();
  show();
}

function sayWhen() {
  const line = page.querySelector('#near-synced');
  line.hidden = !known;
  if (!known) return;
  const when = (navigator.onLine ? texts.synced : texts.old).replace('{at}', moment(known.at));
  line.textContent = known.partial ? `${when} ${texts.partial.replace('{count}', known.reports.length)}` : when;
}

function show() {
  const at = here.at();
  if (!at) return;
  if (!known) return say(texts.never);
  const sorted = byDistance(at, known.reports);
  const near = sorted.filter((one) => one.distance_m <= RADIUS_M).slice(0, MOST);
  const shown = near.length ? near : sorted.slice(0, FAR_MOST);
  const within = distanceText(RADIUS_M, texts, texts.locale);
  title.textContent = near.length
    ? texts[near.length === 1 ? 'one' : 'many'].replace('{count}', near.length).replace('{metres}', within)
    : [texts.none.replace('{metres}', within), shown.length ? texts.nearest : ''].join(' ').trim();
  title.hidden = false;
  empty.hidden = true;
  list.replaceChildren(...shown.map(card));
  draw(shown);
  return shown.length ? null : say(texts.nothing);
}

function say(text) {
  title.hidden = true;
  list.replaceChildren();
  empty.querySelector('p').textContent = text;
  empty.hidden = false;
}

function draw(shown) {
  dots?.remove();
  dots = L.layerGroup(shown.map((one) => L.circleMarker([one.lat, one.lon], {
    radius: 10, className: `near-dot near-dot-${one.severity}`, keyboard: false,
  }).bindTooltip(document.createTextNode(labels[one.category] ?? one.category)).on('click', () => {
    const found = list.querySelector(`[data-id="${one.id}"]`);
    found?.scrollIntoView({ block: 'center' });
    found?.querySelector('a').focus({ preventScroll: true });
  }))).addTo(map);
}

function element(name, className, text = '') {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

function card(one) {
  const item = element('li', 'near-card');
  item.dataset.id = one.id;
  const words = document.createElement('div');
  const link = Object.assign(element('a', 'near-what', labels[one.category] ?? one.category), { href: `/reports/${one.id}` });
  const where = element('p', 'near-where');
  const isHere = one.distance_m < HERE_M;
  const arrow = element('span', '', isHere ? '•' : ARROWS[one.direction]);
  arrow.setAttribute('aria-hidden', 'true');
  where.append(arrow, isHere ? ` ${texts.right_here}` : ` ${distanceText(one.distance_m, texts, texts.locale)} ${texts.directions[one.direction]}`);
  const facts = [texts.severities[one.severity - 1], texts.states[one.state] ?? one.state, texts.seen.replace('{at}', moment(one.observed_at))];
  words.append(link, where, element('p', 'soft', facts.join(' · ')));
  const answers = element('div', 'near-answers');
  const note = element('p', 'near-said');
  note.setAttribute('role', 'status');
  for (const [seen, icon] of [['there', 'ui-eye'], ['gone', 'ui-check']]) {
    const button = Object.assign(element('button', 'button'), { type: 'button' });
    button.append(makeIcon(icon), texts[seen]);
    button.setAttribute('aria-label', `${texts[seen]} : ${link.textContent}`);
    button.addEventListener('click', () => answer(one, seen, item));
    answers.append(button);
  }
  item.append(makeIcon(`category-${one.category}`), words, answers, note);
  if (said.has(one.id)) followUp(item, said.get(one.id));
  return item;
}

async function answer(one, seen, item) {
  if (said.has(one.id)) return;
  const body = { id: newId(), seen, at: new Date().toISOString() };
  said.set(one.id, { id: body.id, seen });
  item.classList.add('answered');
  item.querySelector('a').focus({ preventScroll: true }); // the buttons go
  try {
    await keep('confirmation', { ...body, report: one.id });
    followUp(item, said.get(one.id));
    await sendNow(body.id).then(({ left, state }) => { if (left === 'signin' && state === 'waiting') note(item, texts.signin); });
  } catch {
    await post(one, body, item); // a browser that keeps nothing
  }
}

async function post(one, body, item) {
  const { status, data } = await postSurely(`/api/reports/${one.id}/confirmations`, body);
  if (status === 200 || status === 201) return note(item, texts[`sent_${body.seen}`]);
  return undo(one.id, item, status ? data.errors?.[0]?.message ?? data.detail ?? '' : texts.network);
}

/** What becomes of it, in the card's own line. `seen` is not known any more of what was sent before this page was opened. */
function followUp(item, { id, seen }) {
  item.classList.add('answered');
  const stop = follow(id, ([found]) => {
    if (!found || !item.isConnected) return item.isConnected ? undefined : queueMicrotask(() => stop());
    if (found.state === 'sent') return note(item, texts[`sent_${seen}`] ?? texts.sent);
    if (found.state === 'refused') {
      const { status, errors, detail } = found.error ?? {};
      return undo(item.dataset.id, item, [404, 409].includes(status) ? texts.closed : errors?.[0]?.message ?? detail ?? '');
    }
    return note(item, texts[`saved_${seen}`] ?? texts.saved);
  });
}

function undo(reportId, item, why) {
  note(item, texts.refused.replace('{why}', why), true);
  said.delete(reportId);
  item.classList.toggle('answered', why === texts.closed); // else another try is worth it
}

function note(item, text, danger = false) {
  const line = item.querySelector('.near-said');
  if (line.textContent !== text) line.textContent = text; // said once by a screen reader
  line.classList.toggle('danger', danger);
}
