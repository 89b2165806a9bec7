// The page of the outbox: what waits, what was refused and why, and what can be done about each.

import { discard, flush, isPossible, list, retry, subscribe } from './offline-outbox.js';
import { nomenclature } from './offline-reference.js';
import { known } from './offline-session.js';
import { makeIcon } from './make-icon.js';

const texts = JSON.parse(document.querySelector('#outbox-texts').textContent);
const french = document.documentElement.lang === 'fr';
const root = document.querySelector('#outbox');
const at = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'short', timeStyle: 'short' });
const find = (id) => root.querySelector(`#outbox-${id}`);
let labels = new Map();
let asked = null; // the item whose discarding waits for a yes
let last = null; // what flush said
let drawing = Promise.resolve();
let drawn = null; // the status of the last drawing

root.hidden = false;
if (isPossible()) start();
else problem(texts.insecure);

function start() {
  find('send').addEventListener('click', () => send());
  nomenclature().then((words) => {
    labels = new Map(words?.categories.map((one) => [one.code, french ? one.label_fr : one.label_en]));
    draw();
  }).catch(() => {}); // without them a report is called a report
  subscribe(draw);
  draw(); // says why, when the status cannot be had
  window.addEventListener('online', () => draw());
  window.addEventListener('offline', () => draw());
}

function problem(text) {
  find('problem').hidden = false;
  find('problem').querySelector('p').textContent = text;
}

async function send(what = flush) {
  find('send').disabled = true;
  last = await what().catch((error) => ({ left: 'offline', error }));
  find('send').disabled = false;
  draw();
}

/** One drawing after the other, the newest counts. */
function draw(status) {
  drawn = status ?? drawn;
  drawing = drawing.then(paint).catch((error) => problem(texts[error.code] ?? texts.failed.replace('{error}', error.message)));
  return drawing;
}

async function paint() {
  const items = await list();
  const who = await known();
  const held = new Set(items.filter((item) => item.state !== 'sent').map((item) => item.id));
  const waiting = items.filter((item) => item.state !== 'sent');
  const sent = items.filter((item) => item.state === 'sent' && item.kind !== 'photo').reverse();
  const busy = document.activeElement?.closest?.('.outbox-item')?.dataset.id;
  const what = document.activeElement?.dataset?.act;
  fill('waiting', waiting.map((item) => line(item, who, held.has(item.after))));
  fill('sent', sent.map((item) => line(item, who, false)));
  if (busy) root.querySelector(`[data-id="${busy}"] [data-act="${what}"]`)?.focus();
  find('empty').hidden = items.length > 0;
  find('send').hidden = !waiting.some((item) => item.state === 'waiting') || !who.signedIn;
  find('signin').hidden = who.signedIn || (waiting.length === 0 && !drawn?.others);
  find('leaving').hidden = !who.leaving;
  find('state').textContent = stateOf(waiting);
  say(find('others'), drawn?.others > 0, (drawn?.others === 1 ? texts.others_one : texts.others_many).replace('{count}', drawn?.others));
  const { low, usage = 0, quota = 0 } = drawn?.storage ?? {};
  say(find('room'), low, texts.room.replace('{used}', Math.round(usage / 1e6)).replace('{quota}', Math.round(quota / 1e6)));
}

function stateOf(waiting) {
  if (waiting.some((item) => item.state === 'sending')) return texts.going;
  if (waiting.length === 0) return '';
  if (!navigator.onLine || last?.left === 'offline') return texts.offline;
  return last?.left === 'later' ? texts.later : '';
}

function say(box, on, text) {
  box.hidden = !on;
  box.querySelector('p').textContent = on ? text : '';
}

function fill(id, lines) {
  find(id).hidden = lines.length === 0;
  find(id).querySelector('ul').replaceChildren(...lines);
}

const make = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text ?? '' });

function line(item, who, isHeldBack) {
  const made = make('li', `outbox-item outbox-${item.state}`);
  made.dataset.id = item.id;
  const head = make('div', 'outbox-head');
  const stateName = item.state === 'waiting' && isHeldBack ? texts.after : texts[item.state];
  head.append(make('strong', '', title(item)), make('span', `outbox-chip ${item.state}`, stateName));
  made.append(head);
  const more = [at.format(item.created_at), item.body?.description ?? item.body?.note ?? ''].filter(Boolean).join(' · ');
  made.append(make('p', 'outbox-more', item.state !== 'sent' && !item.body ? `${more} · ${texts.locked}` : more));
  if (item.error) made.append(reasons(item.error));
  made.append(asked === item.id ? question(item) : tools(item, who));
  return made;
}

function title({ kind, body }) {
  if (kind === 'report' && body) return labels.get(body.category) ?? texts.report;
  if (kind === 'confirmation' && body) return `${texts.confirmation} : ${texts[`seen_${body.seen}`] ?? ''}`;
  return texts[kind];
}

function reasons({ status, detail, errors }) {
  const made = make('ul', 'outbox-reasons');
  // Two fields may say the same: a point outside is outside in both directions.
  const said = new Set(errors.length ? errors.map(({ message }) => message) : [detail || String(status)]);
  made.append(...[...said].map((text) => make('li', '', text)));
  return made;
}

function button(act, text, icon, onClick, className = 'button') {
  const made = Object.assign(make('button', className), { type: 'button' });
  made.dataset.act = act;
  made.append(makeIcon(icon), text);
  made.addEventListener('click', onClick);
  return made;
}

function tools(item, { signedIn }) {
  const made = make('div', 'row outbox-tools');
  if (item.state === 'sent' || item.state === 'sending' || !signedIn) {
    if (item.state === 'sent' && item.kind === 'report') made.append(Object.assign(make('a', 'button quiet', texts.see), { href: `/reports/${item.id}` }));
    return made;
  }
  if (item.kind === 'report') {
    made.append(Object.assign(make('a', 'button', texts.edit), { href: `/reports/new?edit=${item.id}` }));
  }
  if (item.state !== 'waiting') {
    made.append(button('retry', item.state === 'editing' ? texts.as_is : texts.retry, 'ui-retry', () => send(() => retry(item.id))));
  }
  made.append(button('discard', texts.discard, 'ui-bin', () => ask(item.id), 'button quiet'));
  return made;
}

function ask(id) {
  asked = id;
  draw().then(() => root.querySelector(`[data-id="${id}"] [data-act="no"]`)?.focus());
}

function question(item) {
  const made = make('div', 'row outbox-tools');
  made.setAttribute('role', 'group');
  made.setAttribute('aria-label', texts.sure);
  made.append(
    make('p', 'outbox-sure', texts.sure),
    button('no', texts.no, 'ui-back', () => ask(null)),
    button('yes', texts.yes, 'ui-bin', async () => {
      asked = null;
      await discard(item.id).catch(() => {});
      draw();
    }),
  );
  return made;
}
