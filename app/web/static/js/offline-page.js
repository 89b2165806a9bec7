// The page of the outbox: what waits, what was refused and why, and what can be done about each.

import { editForm, isEditable } from './offline-edit.js';
import { discard, edit, flush, isPossible, list, retry, save, subscribe } from './offline-outbox.js';
import { nomenclature, rounds } from './offline-reference.js';
import { known, rightTime } from './offline-session.js';
import { makeIcon } from './make-icon.js';
import { moment } from './moments.js';

const texts = JSON.parse(document.querySelector('#outbox-texts').textContent);
const french = document.documentElement.lang === 'fr';
const root = document.querySelector('#outbox');
const megabytes = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 0 });
const find = (id) => root.querySelector(`#outbox-${id}`);
let labels = new Map();
let stops = new Map(); // round and stop → its name
let corrected = null; // the item whose form is open
let asked = null; // the item whose discarding waits for a yes
let last = null; // what flush said
let drawing = Promise.resolve();
let pending = null; // a drawing that has not begun
let drawn = null; // the status of the last drawing
let lines = new Map(); // item → {key, made}: of hundreds, the one that has changed is made anew

root.hidden = false;
if (isPossible()) start();
else problem(texts.insecure);

function start() {
  find('send').addEventListener('click', () => send());
  nomenclature().then((words) => {
    labels = new Map(words?.categories.map((one) => [one.code, french ? one.label_fr : one.label_en]));
    lines.clear();
    draw();
  }).catch(() => {}); // without them a report is called a report
  rounds().then((taken) => {
    const all = taken?.rounds.flatMap((round) => round.stops.map((stop) => [`${round.id} ${stop.stop}`, `${stop.stop} · ${stop.name}`]));
    stops = new Map(all);
    lines.clear();
    draw();
  }).catch(() => {});
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

/** One drawing after the other: what is told while one is going on is in the next one, however often it is told. */
function draw(status) {
  drawn = status ?? drawn;
  pending ??= drawing = drawing.then(() => {
    pending = null;
    return paint();
  }).catch((error) => problem(texts[error.code] ?? texts.failed.replace('{error}', error.message)));
  return pending;
}

async function paint() {
  const items = await list();
  const who = await known();
  const held = new Set(items.filter((item) => item.state !== 'sent').map((item) => item.id));
  const waiting = items.filter((item) => item.state !== 'sent');
  const sent = items.filter((item) => item.state === 'sent' && item.kind !== 'photo').reverse();
  const focused = document.activeElement;
  const busy = focused?.closest?.('.outbox-item')?.dataset.id;
  const what = focused?.dataset?.act;
  lines = new Map(items.map((item) => [item.id, lineOf(item, who, item.state !== 'sent' && held.has(item.after))]));
  fill('waiting', waiting.map((item) => lines.get(item.id).made));
  fill('sent', sent.map((item) => lines.get(item.id).made));
  if (focused?.isConnected) focused.focus(); // in a form that was drawn again
  else if (busy) root.querySelector(`[data-id="${busy}"] [data-act="${what}"]`)?.focus();
  find('empty').hidden = items.length > 0 || drawn?.others > 0;
  find('send').hidden = !waiting.some((item) => item.state === 'waiting') || !who.signedIn;
  find('signin').hidden = who.signedIn || (waiting.length === 0 && !drawn?.others);
  find('leaving').hidden = !who.leaving;
  const leave = find('leave'); // only where there is no account menu
  if (leave) leave.hidden = !who.account;
  const state = stateOf(waiting);
  if (find('state').textContent !== state) find('state').textContent = state; // said once by a screen reader
  say(find('others'), drawn?.others > 0, (drawn?.others === 1 ? texts.others_one : texts.others_many).replace('{count}', drawn?.others));
  const { low, usage = 0, quota = 0 } = drawn?.storage ?? {};
  const now = await rightTime();
  say(find('clock'), now, now && texts.clock.replace('{at}', moment(now)));
  say(find('room'), low, texts.room.replace('{used}', megabytes.format(usage / 1e6)).replace('{quota}', megabytes.format(quota / 1e6)));
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

/** What is there already stays where it is: hundreds of lines are not laid out anew for one. */
function fill(id, made) {
  find(id).hidden = made.length === 0;
  const shown = find(id).querySelector('ul');
  const wanted = new Set(made);
  for (const old of [...shown.children]) if (!wanted.has(old)) old.remove();
  made.forEach((one, index) => { if (shown.children[index] !== one) shown.insertBefore(one, shown.children[index] ?? null); });
}

const make = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text ?? '' });

function lineOf(item, who, isHeldBack) {
  const key = JSON.stringify([item, who.signedIn, isHeldBack, asked === item.id, corrected?.id === item.id]);
  const before = lines.get(item.id);
  return before?.key === key ? before : { key, made: line(item, who, isHeldBack) };
}

function line(item, who, isHeldBack) {
  const made = make('li', `outbox-item outbox-${item.state}`);
  made.dataset.id = item.id;
  made.classList.toggle('outbox-part', isHeldBack);
  const head = make('div', 'outbox-head');
  const stateName = item.state === 'waiting' && isHeldBack ? texts.after : texts[item.state];
  head.append(make('strong', '', title(item)), make('span', `outbox-chip ${item.state}`, stateName));
  made.append(head);
  const more = [isHeldBack ? '' : moment(item.created_at), item.body?.description ?? item.body?.note ?? ''].filter(Boolean).join(' · ');
  const said = item.state !== 'sent' && !item.body && item.error?.status !== 'unreadable' ? [more, texts.locked].filter(Boolean).join(' · ') : more;
  if (said) made.append(make('p', 'outbox-more', said));
  if (item.error) made.append(reasons(item.error));
  if (corrected?.id === item.id && item.state === 'editing') made.append(corrected.form);
  made.append(asked === item.id ? question(item) : tools(item, who));
  return made;
}

/** Its form in its own line; it is not sent meanwhile. */
async function correct(item) {
  const { body } = await edit(item.id).catch(() => ({}));
  if (!body) return draw(); // sent just now
  const form = editForm({ ...item, body }, texts, (changed) => {
    corrected = null;
    send(async () => {
      await save(item.kind, changed);
      return flush();
    });
  });
  corrected = { id: item.id, form };
  await draw();
  return (form.querySelector('textarea') ?? form.querySelector('input:checked')).focus();
}

function title({ kind, body }) {
  if (kind === 'report' && body) return labels.get(body.category) ?? texts.report;
  if (kind === 'confirmation' && body) return `${texts.confirmation} – ${texts[`seen_${body.seen}`] ?? ''}`;
  if (kind === 'passage' && body) {
    const where = stops.get(`${body.patrol} ${body.stop}`);
    return [texts.passage, where, texts[`outcome_${body.outcome}`]].filter(Boolean).join(' – ');
  }
  return texts[kind];
}

function reasons({ status, detail, errors }) {
  const made = make('ul', 'outbox-reasons');
  // Two fields may say the same: a point outside is outside in both directions.
  const said = new Set(errors.length ? errors.map(({ message }) => message) : [detail || texts[`why_${status}`] || String(status)]);
  made.append(...[...said].map((text) => make('li', '', text)));
  return made;
}

function button(act, text, icon, onClick, className = 'button') {
  const made = Object.assign(make('button', className), { type: 'button' });
  made.dataset.act = act;
  made.append(...(icon ? [makeIcon(icon)] : []), text);
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
  if (isEditable(item) && corrected?.id !== item.id) made.append(button('edit', texts.edit, null, () => correct(item)));
  if (item.state !== 'waiting') {
    made.append(button('retry', item.state === 'editing' ? texts.as_is : texts.retry, 'ui-retry', () => send(() => retry(item.id))));
  }
  made.append(button('discard', texts.discard, 'ui-bin', () => ask(item.id), 'button quiet'));
  return made;
}

function ask(id) {
  asked = id;
  draw().then(() => focusOn(id, 'no'));
}

const focusOn = (id, act) => root.querySelector(`[data-id="${id}"] [data-act="${act}"]`)?.focus();

function question(item) {
  const made = make('div', 'row outbox-tools');
  made.setAttribute('role', 'group');
  made.setAttribute('aria-label', texts.sure);
  made.append(
    make('p', 'outbox-sure', texts.sure),
    button('no', texts.no, 'ui-back', () => {
      asked = null;
      draw().then(() => focusOn(item.id, 'discard'));
    }),
    button('yes', texts.yes, 'ui-bin', async () => {
      asked = null;
      await discard(item.id).catch(() => {});
      await draw();
      document.querySelector('h1').focus(); // the button is gone with its item
    }, 'button danger'),
  );
  return made;
}
