// The rounds as this phone took them along, at the addresses of the server's pages, with what still waits on it.

import { makeIcon } from './make-icon.js';
import { moment, time } from './moments.js';
import { list, subscribe } from './offline-outbox.js';
import { refreshReference, rounds } from './offline-reference.js';
import { known } from './offline-session.js';
import { setUpAnswers } from './patrol-walk.js';

const page = document.querySelector('#round');
const texts = JSON.parse(document.querySelector('#round-texts').textContent);
const patrol = /^\/patrols\/([0-9a-f-]{36})$/.exec(window.location.pathname)?.[1] ?? null;
const find = (id) => page.querySelector(`#round-${id}`);
const observe = page.querySelector('#observe-form');
let sentBefore = 0;
let drawing = Promise.resolve();

setUpAnswers(page, patrol, ({ form, state, report }) => {
  if (state === 'refused') return window.location.assign('/outbox');
  if (report) return window.location.assign(report);
  // The next observation is near this one, and something else.
  if (form === observe) for (const name of ['category', 'severity', 'description']) form.elements[name].value = '';
  return draw().then(() => (form === observe ? observe.elements.category : find('next')).focus());
});
subscribe(draw);
draw();

/** One drawing after the other, the newest counts. */
function draw() {
  drawing = drawing.then(paint, paint);
  return drawing;
}

async function paint() {
  const own = (await list().catch(() => [])).filter((item) => item.kind === 'passage');
  const sent = own.filter((item) => item.state === 'sent').length;
  if (sent > sentBefore) refreshReference(); // the server knows more now
  sentBefore = sent;
  const taken = await rounds().catch(() => null);
  const { signedIn } = await known();
  const one = taken?.rounds.find((round) => round.id === patrol);
  find('synced').hidden = !taken;
  if (taken) find('synced').textContent = texts.synced.replace('{at}', moment(taken.at));
  const missing = taken ? texts.unknown : texts.never;
  say(patrol && !one ? missing : !taken && texts.never, signedIn);
  find('list').hidden = Boolean(patrol) || !taken;
  find('one').hidden = !one;
  if (one) drawOne(one, withOwn(one, own, taken.at));
  else if (taken && !patrol) drawList(taken.rounds, (round) => withOwn(round, own, taken.at));
}

function say(text, signedIn) {
  find('none').hidden = !text && signedIn;
  find('none').querySelector('p').textContent = signedIn ? text || '' : texts.signin;
  find('signin').hidden = signedIn;
  find('signin').href = `/login?next=${window.location.pathname}`;
}

/** What the server had at the last sync, and what this phone knows beyond it, in the order of the times. */
function withOwn(round, own, at) {
  const there = new Set(round.passages.map((passage) => passage.id));
  const more = own
    .filter((item) => item.body?.patrol === round.id && !there.has(item.id) && (item.state !== 'sent' || item.sent_at > at))
    .map((item) => ({ ...item.body, state: item.state }));
  return [...round.passages, ...more].sort((a, b) => new Date(a.passed_at) - new Date(b.passed_at));
}

const looked = (passages) => new Set(passages.filter((one) => one.stop && one.state !== 'refused').map((one) => one.stop));
const make = (tag, className, ...inside) => {
  const made = Object.assign(document.createElement(tag), { className });
  made.append(...inside);
  return made;
};
const progress = (round, seen) => texts.progress.replace('{seen}', seen.size).replace('{stops}', round.stops.length);

function drawList(all, passagesOf) {
  find('empty').hidden = all.length > 0;
  find('list').querySelector('ul').replaceChildren(...all.map((round) => {
    const link = make('a', 'button primary', makeIcon('ui-next'), round.state === 'planned' ? texts.begin : texts.go_on, make('span', 'visually-hidden', ` – ${round.title}`));
    link.href = `/patrols/${round.id}`;
    const seen = looked(passagesOf(round));
    const facts = [texts.states[round.state], round.stops.length ? progress(round, seen) : '', moment(round.starts_at)];
    const words = make('div', '', make('strong', '', round.title), make('span', 'soft', facts.filter(Boolean).join(' · ')));
    return make('li', 'card going', words, link);
  }));
}

// ── one round ───────────────────────────────────────────────────────────────────────────────────────────────────────

function drawOne(round, passages) {
  const seen = looked(passages);
  const left = round.stops.filter((stop) => !seen.has(stop.stop));
  find('title').textContent = round.title;
  document.title = `${round.title} · Quiétude`;
  find('progress').hidden = round.stops.length === 0;
  find('progress').querySelector('label').textContent = progress(round, seen);
  Object.assign(find('progress').querySelector('progress'), { max: Math.max(1, round.stops.length), value: seen.size });
  drawNext(round, left);
  drawThen(left.slice(1));
  find('passages').replaceChildren(...passages.map((one) => line(round, one)));
  find('nothing-yet').hidden = passages.length > 0;
  if (round.kind !== 'round') showObserve(round, passages);
}

function drawNext(round, [stop]) {
  const box = find('next');
  box.hidden = round.stops.length === 0;
  box.querySelector('small').hidden = !stop;
  box.querySelector('h2 span').textContent = stop ? `${stop.stop} · ${stop.name}` : texts.done;
  box.querySelector('p').textContent = stop?.note ?? '';
  // The buttons stay the same ones while they are about the same stop: a tap is not lost under a drawing.
  const form = box.querySelector('form');
  if (form?.elements.stop.value === String(stop?.stop)) return;
  form?.remove();
  if (stop) box.append(answers(stop));
}

function drawThen(stops) {
  const box = find('then');
  box.hidden = stops.length === 0;
  const before = new Map([...box.querySelectorAll('li')].map((item) => [item.dataset.stop, item]));
  box.querySelector('ol').replaceChildren(...stops.map((stop) => before.get(String(stop.stop)) ?? later(stop)));
}

function later(stop) {
  const summary = make('summary', '', make('span', '', `${stop.stop} · ${stop.name}`));
  const item = make('li', '', make('details', 'more', summary, ...(stop.note ? [make('p', '', stop.note)] : []), answers(stop)));
  item.dataset.stop = stop.stop;
  return item;
}

function answers(stop) {
  const form = find('answers').content.firstElementChild.cloneNode(true);
  form.elements.stop.value = stop.stop;
  Object.assign(form.dataset, { lon: stop.lon, lat: stop.lat, place: stop.place_id ?? '' });
  for (const name of form.querySelectorAll('.visually-hidden')) name.textContent = ` – ${stop.name}`;
  return form;
}

function line(round, one) {
  const name = one.name ?? round.stops.find((stop) => stop.stop === one.stop)?.name ?? texts.elsewhere;
  const facts = [time(one.passed_at), texts.outcomes[one.outcome], texts.items[one.state]].filter(Boolean).join(' · ');
  return make('li', one.outcome, make('div', '', make('strong', '', one.stop ? `${one.stop} · ${name}` : name), make('span', 'soft', facts)));
}

let isObserving = false;

function showObserve(round, passages) {
  if (isObserving) return;
  isObserving = true;
  observe.closest('section').hidden = false;
  const { stop } = observe.elements;
  stop.closest('.field').hidden = round.stops.length === 0;
  stop.append(...round.stops.map((one) => {
    const option = new Option(`${one.stop} · ${one.name}`, one.stop);
    Object.assign(option.dataset, { lon: one.lon, lat: one.lat, place: one.place_id ?? '' });
    return option;
  }));
  const board = observe.querySelector('#observe-map');
  const last = passages.findLast((one) => one.lon) ?? round.stops[0];
  if (last) Object.assign(board.dataset, { lon: last.lon, lat: last.lat });
  import('./patrol.js').then(({ setUpObserveMap }) => setUpObserveMap(observe));
}
