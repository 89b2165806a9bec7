// Walking a round: each answer is on this phone before anything is sent; the same on the server's page and the phone's own.

import { newId } from './photo-upload.js';
import { canKeep, keep, sendNow } from './report-outbox.js';

const PATIENCE_MS = 3000; // then she goes on, and it goes out by itself
const texts = JSON.parse(document.querySelector('#walk-texts').textContent);

/**
 * Answers at stops (`data-walk="stop"`) and observations (`data-walk="observe"`) inside `root` go through the outbox.
 * `then({form, state, report})` runs once one is on the disk: state sent | waiting | refused; report: the address of the
 * form where what was found at a stop is reported, else null. A browser that keeps nothing sends the plain forms.
 */
export function setUpAnswers(root, patrol, then) {
  if (!canKeep()) return;
  const busy = new Set(); // forms: the next stop is there to be tapped while the last answer is still on its way
  const plain = new WeakSet();
  root.addEventListener('submit', async (event) => {
    const { target: form, submitter } = event;
    if (!form.dataset.walk || plain.has(form)) return;
    event.preventDefault();
    if (busy.has(form)) return;
    busy.add(form);
    try {
      const kept = await (form.dataset.walk === 'stop' ? answered : observed)(form, submitter.value === 'found', patrol);
      if (kept) await then({ form, ...kept });
    } catch (error) {
      if (!form.getAttribute('action')) return say(form, error.code === 'full' ? texts.full : texts.lost);
      plain.add(form); // the phone cannot keep it: straight to the server
      form.requestSubmit(submitter);
    } finally {
      busy.delete(form);
    }
  });
}

async function answered(form, isFound, patrol) {
  const { lon, lat, place } = form.dataset;
  const report = isFound ? newId() : null;
  const state = await pass({ patrol, stop: Number(form.elements.stop.value) }, report);
  const query = new URLSearchParams({ id: report, lon, lat, ...(place ? { place_id: place } : {}), return: `/patrols/${patrol}` });
  return { state, report: isFound ? `/reports/new?${query}` : null };
}

/** A point or a stop, and what is there: the passage and its report, each an item of its own. */
async function observed(form, isFound, patrol) {
  say(form, '');
  const value = (name) => form.elements[name]?.value.trim() ?? '';
  const at = { lon: degrees(value('lon')), lat: degrees(value('lat')) };
  const hasPoint = at.lon !== null && at.lat !== null;
  const stop = Number(value('stop')) || null;
  if (!hasPoint && !stop) return say(form, texts.where);
  if (isFound && !value('category')) return say(form, texts.choose);
  const report = isFound ? newId() : null;
  const state = await pass({ patrol, ...(stop ? { stop } : {}), ...(hasPoint ? at : {}) }, report);
  if (!isFound) return { state, report: null };
  const { lon, lat, place } = form.elements.stop?.selectedOptions[0]?.dataset ?? {};
  const there = hasPoint ? at : { lon: Number(lon), lat: Number(lat), place_id: Number(place) || null };
  await keep('report', {
    id: report, ...there, category: value('category'), severity: Number(value('severity')) || null,
    description: value('description') || null, observed_at: new Date().toISOString(),
  });
  return { state: await settled(report), report: null };
}

async function pass(where, report) {
  const id = newId();
  const seen = report ? { outcome: 'found', reports: [report] } : { outcome: 'nothing' };
  await keep('passage', { id, ...where, ...seen, passed_at: new Date().toISOString() });
  return settled(id);
}

async function settled(id) {
  const patience = new Promise((resolve) => { setTimeout(resolve, PATIENCE_MS, { state: 'waiting' }); });
  return (await Promise.race([sendNow(id), patience])).state;
}

/** As a French keyboard types it, 2,30; what is no number is none. */
function degrees(text) {
  const number = Number(text.replace(',', '.'));
  return text !== '' && Number.isFinite(number) ? number : null;
}

function say(form, text) {
  const line = form.querySelector('.walk-said');
  line.textContent = text;
  line.hidden = !text;
  return null;
}
