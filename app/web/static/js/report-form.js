// The report form: puts the parts together, keeps it on the phone before anything is sent, and says what happened.

import { clearErrors, dropRight, renderedErrors, showErrors } from './form-errors.js';
import { moment } from './moments.js';
import { byDistance } from './near-places.js';
import { edit } from './offline-outbox.js';
import { openReports } from './offline-reference.js';
import { rightTime } from './offline-session.js';
import { setUpPhotos } from './photo-field.js';
import { newId } from './photo-upload.js';
import { fillFromAddress } from './report-address.js';
import { setUpCategories } from './report-category.js';
import { setUpDraft } from './report-draft.js';
import { setUpPlace } from './report-place.js';
import { canKeep, find, keep, sendNow } from './report-outbox.js';
import { setUpSame } from './report-same.js';
import { postSurely } from './report-send.js';
import { setUpSent } from './report-sent.js';
import { setUpSimilar } from './report-similar.js';
import { setUpText } from './report-text.js';

const FIELDS = ['lon', 'lat', 'observed_at', 'description', 'place_id'];
const NEAR_M = 100;
const MARKUP = /<\s*[/!?a-z]/i; // as the server has it (app/reports/rules.py)
const form = document.querySelector('#report-form');
const texts = JSON.parse(document.querySelector('#report-texts').textContent);
const words = JSON.parse(document.querySelector('#report-words').textContent);
const submit = form.querySelector('#submit');
const severities = [...form.querySelectorAll('input[name="severity"]')];
// What the address of the page says of the place: then a draft of another one does not come in between.
const isPrefilled = ['id', 'category', 'lon', 'lat', 'place_id', 'edit'].some((name) => new URLSearchParams(location.search).has(name));

fillFromAddress(form, { back: document.querySelector('#done-back'), others: document.querySelectorAll('#here-again, #next') });

let severityTouched = severities.some((radio) => radio.checked);
let attempt = freshAttempt(form.elements.id.value || newId());
let sending = false;
let before = {}; // what stood in the fields when something was wrong with them

form.classList.add('enhanced');
for (const details of form.querySelectorAll('#coordinates, #later')) details.open = Boolean(details.querySelector('[aria-invalid]'));

const similar = setUpSimilar(form, texts, (found) => whileSending(() => same(found)));
const text = setUpText(form, texts, words);
const categories = setUpCategories(form, texts, (radio) => {
  recheck();
  lookForSimilar();
  text.showPhrases(radio.closest('.theme-group').dataset.theme);
  // The category's usual severity, unless somebody has chosen one.
  if (severityTouched) return;
  for (const one of severities) one.checked = one.value === radio.dataset.severity;
});
const place = setUpPlace(form, texts, { onPlace: follow });
const draft = setUpDraft(form, unfinished, { onFull: (isFull) => { form.querySelector('#unkept').hidden = !isFull; } });
const photos = setUpPhotos(form.querySelector('[data-photo-field]'), document.querySelector('#photo-direct'), { onChange: countPhotos });
const sent = setUpSent(form, document.querySelector('#done'), document.querySelector('#photo-uploads'), texts);
const same = setUpSame(texts, { similar, photos, sent, left, setSending });
for (const radio of severities) radio.addEventListener('change', () => { severityTouched = true; });
setUpCamera();
sayClock().catch(() => {}); // a browser that keeps nothing
begin();

/** One submission: its id and its time stay the same however often it is sent. */
function freshAttempt(id) {
  return { id, observedAt: null, tried: false };
}

// ── what is in the form ─────────────────────────────────────────────────────────────────────────────────────────────

function degrees(value) {
  const number = value.trim().replace(',', '.');
  // What is no number goes as it was typed: the server's message then says so.
  return number !== '' && Number.isFinite(Number(number)) ? Number(number) : value;
}

function body() {
  const data = new FormData(form);
  const seen = data.get('observed_at');
  attempt.observedAt ??= new Date().toISOString();
  return {
    id: attempt.id,
    category: data.get('category'),
    lon: degrees(data.get('lon')),
    lat: degrees(data.get('lat')),
    severity: data.get('severity') ? Number(data.get('severity')) : null,
    observed_at: seen ? new Date(seen).toISOString() : attempt.observedAt,
    description: data.get('description').trim() || null,
    place_id: data.get('place_id') ? Number(data.get('place_id')) : null,
  };
}

/** What can be said without asking the server. */
function missing(report) {
  const errors = [];
  if (!report.category) errors.push({ field: 'category', message: texts.choose });
  if (report.lon === '' || report.lat === '') errors.push({ field: 'lon', message: texts.where, block: 'where' });
  return errors;
}

// ── what is wrong in it ─────────────────────────────────────────────────────────────────────────────────────────────

function complain(errors) {
  before = Object.fromEntries(new FormData(form));
  showErrors(form, errors);
}

function recheck() {
  dropRight(form, isRight);
}

/** Whether an error is settled, as far as this phone can tell: what stood there has changed, and for the better. */
function isRight({ field, code }) {
  const now = Object.fromEntries(new FormData(form));
  if (field === 'lon' || field === 'lat') {
    const rounded = (values, name) => Number(degrees(values[name] || 'none')).toFixed(6); // as the map writes it
    const changed = ['lon', 'lat'].filter((name) => rounded(now, name) !== rounded(before, name));
    const isPoint = ['lon', 'lat'].every((name) => rounded(now, name) !== 'NaN');
    // A point is one thing, whichever of its two numbers was wrong; swapped ones are both wrong.
    return isPoint && changed.length >= (code === 'swapped' ? 2 : 1);
  }
  if (field === 'observed_at' && now.observed_at && new Date(now.observed_at) > new Date()) return false;
  return now[field] !== before[field] && !(code === 'markup' && MARKUP.test(now[field]));
}

function follow() {
  recheck();
  lookForSimilar();
  draft.soon();
  countNear();
}

/** What a reload must not lose; null when there is nothing of a person's own in it. */
function unfinished() {
  const data = new FormData(form);
  const values = { id: attempt.id, category: data.get('category'), kept: text.kept() };
  if (severityTouched) values.severity = data.get('severity');
  for (const name of FIELDS) values[name] = data.get(name);
  const isEmpty = form.hidden || (!values.category && !values.description && !values.severity && !photos.files().length);
  return isEmpty ? null : values;
}

function fill(values) {
  for (const name of FIELDS) form.elements[name].value = values[name] ?? '';
  if (values.severity) {
    severityTouched = true;
    for (const one of severities) one.checked = one.value === String(values.severity);
  }
  text.restore(values.kept);
  if (values.category) categories.choose(values.category);
  place.readFields();
}

// ── opening ─────────────────────────────────────────────────────────────────────────────────────────────────────────

async function begin() {
  const rendered = renderedErrors(form);
  if (rendered.length) complain(rendered);
  const waiting = new URLSearchParams(location.search).get('edit');
  if (waiting) return takeFromOutbox(waiting);
  const kept = isPrefilled || rendered.length ? null : await draft.load();
  const there = kept && await find(kept.id).catch(() => null);
  if (there && there.state !== 'editing') {
    await draft.drop(); // saved already: the page was closed, or this is another tab
  } else if (kept) {
    attempt = { ...freshAttempt(kept.id), tried: Boolean(there) };
    fill(kept);
    photos.add(await draft.photos());
    form.querySelector('#draft').hidden = false;
  }
  if (!form.elements.lon.value) place.locateIfAllowed();
  return undefined;
}

/** Something that waits in the outbox, or was refused, is corrected here and saved again under its id. */
async function takeFromOutbox(id, { error = null } = {}) {
  const item = await edit(id).catch(() => null);
  if (item?.kind !== 'report') return;
  const said = item.body;
  attempt = { id, observedAt: said.observed_at, tried: true };
  fill({ ...said, observed_at: '' });
  if (!photos.files().length) photos.add(item.blobs.map(({ blob }, index) => new File([blob], `${index + 1}.jpg`, { type: blob.type })));
  const { errors = [], detail = '' } = error ?? item.error ?? {};
  if (errors.length || detail) complain(errors.length ? errors : [{ field: 'id', message: detail }]);
}

async function sayClock() {
  const now = await rightTime();
  form.querySelector('#clock').hidden = !now;
  if (now) form.querySelector('#clock p').textContent = texts.clock.replace('{at}', moment(now));
}

async function countNear() {
  const at = place.at();
  const known = at && await openReports().catch(() => null);
  if (!known) return;
  const count = byDistance(at, known.reports).filter((one) => one.distance_m <= NEAR_M).length;
  const strip = form.querySelector('#near-strip');
  strip.href = `/near?lon=${at.lon.toFixed(6)}&lat=${at.lat.toFixed(6)}`;
  if (count) strip.querySelector('span').textContent = texts[count === 1 ? 'near_one' : 'near_many'].replace('{count}', count);
}

/** The camera is at the thumb all the time: a photo first, in between or last. */
function setUpCamera() {
  const button = form.querySelector('#send-photo');
  const isPhone = window.matchMedia('(pointer: coarse)').matches;
  button.hidden = false;
  button.addEventListener('click', () => form.querySelector(isPhone ? '#photos-camera' : '#photos').click());
}

function countPhotos(files) {
  const count = form.querySelector('#send-count');
  count.textContent = files.length;
  count.hidden = files.length === 0;
  if (files.length) form.querySelector('#send-photo').setAttribute('aria-label', texts.photos_count.replace('{count}', files.length));
  draft?.keepPhotos(files);
  draft?.soon();
}

function lookForSimilar() {
  const { lon, lat } = form.elements;
  similar.look({ category: form.elements.category.value, lon: lon.value.trim().replace(',', '.'), lat: lat.value.trim().replace(',', '.') });
}

// ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function setSending(on) {
  sending = on;
  submit.disabled = on;
  submit.querySelector('span').textContent = on ? texts.sending : texts.send;
  form.querySelector('#sending').textContent = on ? texts.sending : '';
}

function fail(why) {
  form.querySelector('#failure-text').textContent = why;
  form.querySelector('#failure').hidden = false;
  submit.querySelector('span').textContent = texts.retry;
}

async function send() {
  if (sending) return;
  clearErrors(form);
  form.querySelector('#failure').hidden = true;
  const report = body();
  const errors = missing(report);
  if (errors.length) return void complain(errors);
  if (text.stops()) return;
  await whileSending(() => keepAndSend(report));
}

async function whileSending(work) {
  if (sending) return;
  setSending(true);
  try {
    await work();
  } finally {
    if (sending) setSending(false);
  }
}

/** On the disk first; a browser that can keep nothing sends straight away. */
async function keepAndSend(report) {
  if (!canKeep()) return sendStraight(report);
  try {
    if (await isAnother(report)) report.id = attempt.id = newId();
    await keep('report', report, await photos.prepared());
  } catch (error) {
    if (error.code === 'photo') return fail(error.message);
    return error.code === 'full' && !navigator.onLine ? fail(texts.full) : sendStraight(report);
  }
  const outcome = await sendNow(report.id);
  setSending(false);
  if (['refused', 'lost'].includes(outcome.state)) return comeBack(report.id, outcome);
  await finished(report);
  const thing = { id: report.id, report: report.id, label: label(report), title: texts.recorded, text: label(report) };
  return sent.show(thing, outcome, (item) => comeBack(report.id, item));
}

/** Whether something else waits under this id: the same draft was open in another tab, which has saved its own. */
async function isAnother(report) {
  const there = attempt.tried ? null : await find(report.id);
  return Boolean(there?.body) && ['category', 'lon', 'lat', 'description'].some((name) => there.body[name] !== report[name]);
}

/** The server will not have it as it is, or it is gone from this phone: the form again, with why, and nothing lost. */
async function comeBack(id, item) {
  sent.hide();
  if (item?.state !== 'refused') return fail(texts.lost);
  return takeFromOutbox(id, { error: item.error });
}

async function sendStraight(report) {
  const { status, data } = await postSurely('/api/reports', report); // the same id: sent twice is stored once
  setSending(false);
  const hasArrived = status === 409 && attempt.tried;
  if (status === 200 || status === 201 || hasArrived) {
    await finished(report);
    sent.confirmed(report.id, texts.recorded, hasArrived ? texts.arrived : label(report));
    return void photos.uploadTo(`/api/reports/${report.id}/photos`);
  }
  if (status === 422 && data.errors?.length) return complain(data.errors);
  if (status === 0) attempt.tried = true; // it may have arrived although no answer came back
  const why = { 0: texts.network, 401: texts.signin, 429: texts.busy }[status];
  return fail(why ?? data.errors?.[0]?.message ?? texts.server.replace('{status}', status));
}

const label = (report) => form.querySelector(`input[value="${report.category}"]`).closest('label').textContent.trim();

async function finished(report) {
  categories.remember(report.category);
  await left();
}

async function left() {
  form.hidden = true; // what is left in it is no draft any more
  await draft.drop();
}

// ── the next one ────────────────────────────────────────────────────────────────────────────────────────────────────

function startAgain({ here }) {
  attempt = freshAttempt(newId());
  form.elements.id.value = attempt.id;
  form.elements.description.value = '';
  form.elements.observed_at.value = '';
  for (const radio of severities) radio.checked = false;
  severityTouched = false;
  clearErrors(form);
  form.querySelector('#draft').hidden = true;
  if (!here) place.clear();
  similar.clear();
  categories.clear();
  text.clear();
  photos.clear();
  sent.hide();
  if (!here) place.locateIfAllowed();
  window.scrollTo(0, 0);
  form.querySelector('#form-title').focus();
}

form.addEventListener('input', recheck);
form.addEventListener('change', recheck);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  send();
});
document.querySelector('#next').addEventListener('click', () => startAgain({ here: false }));
document.querySelector('#here-again').addEventListener('click', () => startAgain({ here: true }));
form.querySelector('#draft-discard').addEventListener('click', async () => {
  startAgain({ here: false });
  await draft.drop();
});
form.querySelector('#swap').addEventListener('click', (event) => {
  event.preventDefault();
  const { lon, lat } = form.elements;
  [lon.value, lat.value] = [lat.value, lon.value];
  clearErrors(form);
  place.readFields();
  submit.focus();
});
