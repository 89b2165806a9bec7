// "It is the same": somebody was there again, which is said of that report instead of making another one.

import { discard } from './offline-outbox.js';
import { newId } from './photo-upload.js';
import { canKeep, keep, sendNow } from './report-outbox.js';
import { postSurely } from './report-send.js';

/**
 * Returns same(found): confirms `found` through the outbox, the photos of the form with it. `left()` runs once it is kept;
 * `setSending(false)` once no more is awaited. What cannot be confirmed is said at the question, and the form stays.
 */
export function setUpSame(texts, { similar, photos, sent, left, setSending }) {
  async function same(found) {
    found.said ??= { id: newId(), seen: 'there', at: new Date().toISOString() }; // tapped twice, it is still one
    if (!canKeep()) return straight(found);
    try {
      await keep('confirmation', { ...found.said, report: found.id }, await photos.prepared());
    } catch (error) {
      if (error.code === 'photo') return similar.say(error.message, found);
      return error.code === 'full' && !navigator.onLine ? similar.say(texts.full, found) : straight(found);
    }
    const outcome = await sendNow(found.said.id);
    setSending(false);
    if (['refused', 'lost'].includes(outcome.state)) return comeBack(found, outcome);
    await left();
    return sent.show({ id: found.said.id, report: found.id, label: found.label, ...words(found) }, outcome, (item) => comeBack(found, item));
  }

  /** The question again, with why: what is in the form may still become a report. */
  async function comeBack(found, item) {
    sent.hide();
    await discard(found.said.id); // its photos are still in the form
    if (item?.state !== 'refused') return similar.say(texts.lost, found);
    const { status, errors, detail } = item.error;
    if (status === 404 || status === 409) return similar.say(texts.gone_meanwhile, found, true);
    return similar.say(errors[0]?.message ?? detail, found);
  }

  const words = ({ label }) => ({ title: texts.confirmed, text: texts.confirmed_text.replace('{what}', label) });

  async function straight(found) {
    const { status } = await postSurely(`/api/reports/${found.id}/confirmations`, found.said);
    setSending(false);
    if (status === 200 || status === 201) {
      await left();
      sent.confirmed(found.id, words(found).title, words(found).text);
      return void photos.uploadTo(`/api/reports/${found.id}/photos`);
    }
    if (status === 404 || status === 409) return similar.say(texts.gone_meanwhile, found, true);
    const why = { 0: texts.network, 401: texts.signin, 429: texts.busy }[status];
    return similar.say(why ?? texts.server.replace('{status}', status), found);
  }

  return same;
}
