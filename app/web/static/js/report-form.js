// The report form: puts the parts together, sends once, and says what happened.

import { remember, setUpCategories } from './report-category.js';
import { setUpPlace } from './report-map.js';
import { clearErrors, showErrors } from './form-errors.js';
import { setUpPhotos } from './photo-field.js';
import { setUpSimilar } from './report-similar.js';

const form = document.querySelector('#report-form');
const texts = JSON.parse(document.querySelector('#report-texts').textContent);
const done = document.querySelector('#done');
const submit = form.querySelector('#submit');
const severities = [...form.querySelectorAll('input[name="severity"]')];

let severityTouched = severities.some((radio) => radio.checked);
let attempt = freshAttempt(form.elements.id.value);
let sending = false;

form.classList.add('enhanced');
const coordinates = form.querySelector('#coordinates');
coordinates.open = Boolean(coordinates.querySelector('[aria-invalid]'));

const similar = setUpSimilar(form, texts, same);
const categories = setUpCategories(form, (radio) => {
  lookForSimilar();
  // The category's usual severity, unless somebody has chosen one.
  if (severityTouched) return;
  for (const one of severities) one.checked = one.value === radio.dataset.severity;
});
const place = setUpPlace(form, texts, { onPlace: lookForSimilar });
const photos = setUpPhotos(form.querySelector('[data-photo-field]'), document.querySelector('#photo-uploads'));
for (const radio of severities) radio.addEventListener('change', () => { severityTouched = true; });

/** One submission: its id and its time stay the same however often it is sent. */
function freshAttempt(id) {
  return { id, observedAt: null, sent: false };
}

function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // Plain http on a local network has no randomUUID.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function degrees(text) {
  const value = text.trim().replace(',', '.');
  // What is no number goes as it was typed: the server's message then says so.
  return value !== '' && Number.isFinite(Number(value)) ? Number(value) : text;
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

function setSending(on) {
  sending = on;
  submit.disabled = on;
  submit.querySelector('span').textContent = on ? texts.sending : texts.send;
  form.querySelector('#sending').textContent = on ? texts.sending : '';
}

function fail(text) {
  form.querySelector('#failure-text').textContent = text;
  form.querySelector('#failure').hidden = false;
  submit.querySelector('span').textContent = texts.retry;
}

async function send() {
  if (sending) return;
  clearErrors(form);
  form.querySelector('#failure').hidden = true;
  const report = body();
  const errors = missing(report);
  if (errors.length) return void showErrors(form, errors);
  setSending(true);
  const answer = await postSurely(report); // the same id: sent twice is stored once
  setSending(false);
  handle(report, answer);
}

/** Post, and once more with a fresh token when the page's own was refused. */
async function postSurely(values, url) {
  const answer = await post(values, url);
  if (![400, 401, 403].includes(answer.status)) return answer;
  await freshToken();
  return post(values, url);
}

function lookForSimilar() {
  const { lon, lat } = form.elements;
  similar.look({ category: form.elements.category.value, lon: lon.value.trim().replace(',', '.'), lat: lat.value.trim().replace(',', '.') });
}

/** "It is the same": somebody was there again, which is said of that report instead of making another one. */
async function same(found, button) {
  if (sending) return;
  setSending(true);
  button.disabled = true;
  const { status } = await postSurely({ move: 'still_there' }, `/api/reports/${found.id}/moves`);
  setSending(false);
  button.disabled = false;
  if (status === 200) return finish(found, texts.confirmed, texts.confirmed_text.replace('{what}', found.label));
  if (status === 0) return similar.say(texts.network, found);
  if (status === 401) return similar.say(texts.signin, found);
  if (status === 404 || status === 409) return similar.say(texts.gone_meanwhile, found, true);
  return similar.say(status === 429 ? texts.busy : texts.server.replace('{status}', status), found);
}

/** A token for the next try: signing in again in another window made the page's own worthless. */
async function freshToken() {
  const response = await fetch('/api/session', { headers: { Accept: 'application/json' } }).catch(() => null);
  const token = response?.ok ? (await response.json()).csrf_token : null;
  if (token) document.querySelector('meta[name="csrf-token"]').content = token;
}

async function post(report, url = '/api/reports') {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json',
        'X-CSRFToken': document.querySelector('meta[name="csrf-token"]').content,
      },
      body: JSON.stringify(report),
    });
    return { status: response.status, data: await response.json().catch(() => ({})) };
  } catch {
    return { status: 0, data: {} };
  }
}

function handle(report, { status, data }) {
  if (status === 200 || status === 201) return succeed(report);
  if (status === 422 && data.errors?.length) return showErrors(form, data.errors);
  if (status === 409 && attempt.sent) return succeed(report, texts.arrived);
  if (status === 0) {
    attempt.sent = true; // it may have arrived although no answer came back
    return fail(texts.network);
  }
  if (status === 401) return fail(texts.signin);
  if (status === 429) return fail(texts.busy);
  return fail(data.errors?.[0]?.message ?? texts.server.replace('{status}', status));
}

function succeed(report, note) {
  remember(report.category);
  const label = form.querySelector(`input[value="${report.category}"]`).closest('label').textContent.trim();
  finish(report, texts.recorded, note ?? label);
}

/** The report, new or confirmed, is with those who answer for it; the photos follow. */
function finish(report, title, text) {
  done.querySelector('#done-title').textContent = title;
  done.querySelector('#done-text').textContent = text;
  done.querySelector('#done-link').href = `/reports/${report.id}`;
  photos.uploadTo(`/api/reports/${report.id}/photos`);
  form.hidden = true;
  done.hidden = false;
  window.scrollTo(0, 0);
  done.querySelector('#done-title').focus();
}

function startAgain() {
  attempt = freshAttempt(newId());
  form.elements.id.value = attempt.id;
  form.elements.description.value = '';
  form.elements.observed_at.value = '';
  for (const radio of severities) radio.checked = false;
  severityTouched = false;
  clearErrors(form);
  place.clear();
  similar.clear();
  categories.clear();
  photos.clear();
  done.hidden = true;
  form.hidden = false;
  window.scrollTo(0, 0);
  form.querySelector('#form-title').focus();
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  send();
});
document.querySelector('#next').addEventListener('click', startAgain);
form.querySelector('#swap').addEventListener('click', (event) => {
  event.preventDefault();
  const { lon, lat } = form.elements;
  [lon.value, lat.value] = [lat.value, lon.value];
  clearErrors(form);
  place.readFields();
  submit.focus();
});
