// The outbox: what was entered stays on the phone, sealed, until the server has said that it has it.
//
//   save(kind, body, blobs) → item   kinds: report | confirmation | passage | photo. On the disk when it resolves; sent at
//     once when there is a network. body is what the API takes, with `id` (a UUID; made here when it is missing) and, for
//     the others than a report, what it belongs to: `report` (confirmation, photo) or `patrol` (passage).
//     blobs: pictures (Blob, or {id, blob, stage, taken_at}) of a report, or of the one that a confirmation is about: each
//     becomes an item of its own, and goes after what it came with; one for a photo.
//     Saved again under the same id it replaces what waits.
//   list() → items {id, kind, account, state, created_at, after, error, body…}, the oldest first; only one's own
//   subscribe(fn) → stop   fn(status()) now and after every change, in whichever tab
//   retry(id) · discard(id)   · edit(id) → {kind, body, blobs} and holds the item back until it is saved again or retried
//   flush() → sends what can be sent · keepDraft(name, value) · draft(name)
//
// States: waiting → sending → sent, or refused (error: {status, detail, errors}), or editing. Errors: OfflineError.code.

import { OfflineError, change, get, getAll, itemsOf } from './offline-db.js';
import { isPossible, seal, sealJson, unseal, unsealJson } from './offline-seal.js';
import { EDITING, sendAll } from './offline-send.js';
import { known } from './offline-session.js';
import { newId } from './photo-upload.js';

export { OfflineError } from './offline-db.js';
export { isPossible } from './offline-seal.js';
export const KINDS = ['report', 'confirmation', 'passage', 'photo'];
export const SYNC = 'quietude-outbox';

const LOW_PART = 0.9; // of what the browser lets us keep
const LOW_BYTES = 30_000_000;
const channel = globalThis.BroadcastChannel ? new BroadcastChannel('quietude-outbox') : null;
const listeners = new Set();

// ── saving ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export async function save(kind, body, blobs = []) {
  if (!KINDS.includes(kind)) throw new TypeError(`kind: ${kind}`);
  if (!isPossible()) throw new OfflineError('insecure');
  const { account, aheadMs } = await known();
  if (!account) throw new OfflineError('account');
  const id = body.id ?? newId();
  const now = Date.now();
  const rows = [await row({ account, id, kind, created_at: now, ahead_ms: aheadMs, after: body.report ?? null }, { ...body, id })];
  const pictures = [];
  for (const [index, given] of blobs.entries()) {
    const one = given instanceof Blob ? { blob: given } : given;
    if (kind === 'photo') {
      pictures.push(await picture(account, id, one.blob));
      continue;
    }
    const photo = { id: one.id ?? newId(), report: kind === 'report' ? id : body.report, stage: one.stage, taken_at: one.taken_at };
    rows.push(await row({ account, id: photo.id, kind: 'photo', created_at: now + (index + 1) / 1000, after: id }, photo));
    pictures.push(await picture(account, photo.id, one.blob));
  }
  await store(account, id, rows, pictures);
  navigator.storage?.persist?.().catch(() => {});
  document.dispatchEvent(new CustomEvent('quietude:saved'));
  announce();
  soon();
  const { sealed, ...item } = rows[0];
  return item;
}

async function row(fields, body) {
  return { ...fields, state: 'waiting', tries: 0, next_at: 0, error: null, sealed: await sealJson(fields.account, fields.id, body) };
}

async function picture(account, id, blob) {
  return { id, type: blob.type, ...(await seal(account, id, await blob.arrayBuffer())) };
}

/** All or nothing: nothing lies here without its pictures. */
function store(account, id, rows, pictures) {
  return change(['items', 'blobs'], async (items, kept) => {
    const before = await items.get(id);
    if (before && before.account !== account) throw new OfflineError('account');
    for (const old of await items.getAll()) {
      if (old.after !== id || old.account !== account || old.kind !== 'photo' || rows[0].kind !== 'report') continue;
      await items.delete(old.id);
      await kept.delete(old.id);
    }
    if (before) Object.assign(rows[0], { created_at: before.created_at, ahead_ms: before.ahead_ms });
    for (const one of rows) await items.put(one);
    for (const one of pictures) await kept.put(one);
  });
}

// ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export async function list() {
  const { account, signedIn } = await known();
  const own = await itemsOf(account);
  own.sort((one, other) => one.created_at - other.created_at || (one.id < other.id ? -1 : 1));
  return Promise.all(own.map(async ({ sealed, error, ...item }) => ({
    ...item,
    body: signedIn && sealed ? await opened(item, sealed) : null,
    error: signedIn && error ? await why(item, error) : null,
  })));
}

async function opened(item, sealed, about = item.id) {
  try {
    return await unsealJson(item.account, about, sealed);
  } catch {
    return null; // the key is gone: she must sign in
  }
}

/** Why it was refused; an older version kept that unsealed. */
const why = (item, error) => (error.data ? opened(item, error, `${item.id} error`) : error);

/** {waiting, sending, refused, editing, sent, mine, others, signedIn, account, storage: {usage, quota, low}} */
export async function status() {
  const { account, signedIn } = await known();
  const answer = { waiting: 0, sending: 0, refused: 0, editing: 0, sent: 0, others: 0, account, signedIn };
  for (const item of await getAll('items')) {
    if (item.account === account) answer[item.state] += 1;
    else if (item.state !== 'sent') answer.others += 1;
  }
  answer.mine = answer.waiting + answer.sending + answer.refused + answer.editing;
  answer.storage = await room();
  return answer;
}

async function room() {
  const { usage = 0, quota = 0 } = await navigator.storage?.estimate?.().catch(() => ({})) ?? {};
  return { usage, quota, low: quota > 0 && (usage > quota * LOW_PART || quota - usage < LOW_BYTES) };
}

export function subscribe(fn) {
  let running = false;
  let again = false; // changes while it is being told are told once, afterwards
  const tell = async () => {
    again = running;
    if (running) return;
    running = true;
    await status().then((now) => listeners.has(tell) && fn(now)).catch(() => {}); // stopped meanwhile: told nothing
    running = false;
    if (again && listeners.has(tell)) tell();
  };
  listeners.add(tell);
  tell();
  return () => listeners.delete(tell);
}

function announce() {
  for (const tell of listeners) tell();
  channel?.postMessage('changed');
}
channel?.addEventListener('message', () => { for (const tell of listeners) tell(); });

// ── one item ────────────────────────────────────────────────────────────────────────────────────────────────────────

export async function retry(id) {
  await update(id, { state: 'waiting', next_at: 0, error: null });
  announce();
  return flush();
}

/** Its content, and it is not sent meanwhile. What is being sent just now, or was sent, cannot be edited. */
export async function edit(id) {
  await new Promise((granted, failed) => {
    const hold = () => {
      granted();
      return new Promise(() => {}); // as long as this page
    };
    navigator.locks.request(`${EDITING} ${id}`, { mode: 'shared' }, hold).catch(failed);
  });
  const item = await update(id, { state: 'editing' }, ['waiting', 'refused', 'editing']);
  const { account } = item;
  const blobs = [];
  for (const photo of item.kind === 'photo' ? [item] : await photosOf(id)) {
    const kept = await get('blobs', photo.id);
    if (!kept) continue;
    const said = photo === item ? {} : await unsealJson(account, photo.id, photo.sealed);
    blobs.push({ id: photo.id, stage: said.stage, taken_at: said.taken_at, blob: new Blob([await unseal(account, photo.id, kept)], { type: kept.type }) });
  }
  announce();
  return { kind: item.kind, body: await unsealJson(account, id, item.sealed), blobs, error: item.error && await why(item, item.error) };
}

const photosOf = async (id) => (await getAll('items')).filter((item) => item.after === id && item.kind === 'photo');

async function update(id, fields, from = ['waiting', 'refused', 'editing']) {
  const { account } = await known();
  return change(['items'], async (items) => {
    const item = await items.get(id);
    if (!item || item.account !== account) throw new OfflineError('missing');
    if (!from.includes(item.state)) throw new OfflineError('busy');
    const changed = { ...item, ...fields };
    await items.put(changed);
    return { ...changed, error: item.error };
  });
}

/** For good, with what hangs on it; not while it is on its way: it may have arrived. */
export async function discard(id) {
  const { account } = await known();
  await change(['items', 'blobs'], async (items, blobs) => {
    if ((await items.get(id))?.state === 'sending') throw new OfflineError('busy');
    for (const item of await items.getAll()) {
      if (item.account !== account || (item.id !== id && (item.after !== id || item.state === 'sent'))) continue;
      await items.delete(item.id);
      await blobs.delete(item.id);
    }
  });
  announce();
}

// ── a form that is not finished ─────────────────────────────────────────────────────────────────────────────────────

export async function keepDraft(name, value) {
  const { account } = await known();
  if (!account) return;
  const sealed = value === null ? null : await sealJson(account, name, value);
  await change(['drafts'], (drafts) => (sealed ? drafts.put({ account, sealed }, `${account} ${name}`) : drafts.delete(`${account} ${name}`)));
}

export async function draft(name) {
  const { account } = await known();
  const kept = account && await get('drafts', `${account} ${name}`);
  return kept ? unsealJson(account, name, kept.sealed).catch(() => null) : null;
}

// ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────────────

let going = null;
let again = null;

/** Send what can be sent; one tab or worker at a time. Resolves to {sent, left: none|offline|signin|later}. */
export function flush() {
  going ??= navigator.locks.request('quietude-send', () => sendAll(announce)).then((result) => {
    later(result);
    return result;
  }).finally(() => {
    going = null;
    announce();
  });
  return going;
}

/** In this page after a while, and by the browser itself when it can, also after the page was closed. */
function later({ left, wait_ms: waitMs = 30_000 }) {
  clearTimeout(again);
  if (left === 'none' || left === 'signin' || !globalThis.document) return;
  again = setTimeout(() => { flush().catch(() => {}); }, waitMs);
  navigator.serviceWorker?.getRegistration?.().then((found) => found?.sync?.register(SYNC)).catch(() => {});
}

let queued = false;
/** After the running one: it may have looked already. */
function soon() {
  if (queued) return;
  queued = true;
  Promise.resolve(going).catch(() => {}).then(() => {
    queued = false;
    return flush();
  }).catch(() => {});
}
