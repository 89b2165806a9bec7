// Sends the outbox, for pages and for the service worker. Call it only while holding the lock "quietude-send".
//
// An item goes away on 201 or 200 with its own id (or its report's) in the answer, and on nothing else: a hotel's sign-in page also says 200.

import { change, get, getAll, itemsOf } from './offline-db.js';
import { sealJson, unseal, unsealJson } from './offline-seal.js';
import { refresh } from './offline-session.js';

const TIMEOUT_MS = 60_000;
const REFUSED = [400, 403, 404, 405, 409, 410, 413, 415, 422];
const KEEP_SENT_MS = 24 * 3_600_000;
const KEEP_SENT = 50;
const PIECE_BYTES = 256 * 1024;
const MOST_RESTARTS = 4;

const TARGETS = {
  report: (body) => ['/api/reports', body],
  confirmation: ({ report, ...rest }) => [`/api/reports/${report}/confirmations`, rest],
  passage: ({ patrol, ...rest }) => [`/api/patrols/${patrol}/passages`, rest],
};

/** Resolves to {sent, left: none | offline | signin | later, wait_ms}. `tell` after every change. */
export async function sendAll(tell = () => {}) {
  let sent = 0;
  let session;
  try {
    if (!(await isAnything())) return { sent, left: 'none' };
    session = await refresh();
  } catch {
    return { sent, left: 'offline', wait_ms: 10_000 };
  }
  tell();
  if (!session.signedIn) return { sent, left: 'signin' };
  for (;;) {
    const { item, waitMs } = await next(session.account);
    if (!item) return { sent, left: waitMs === null ? 'none' : 'later', wait_ms: waitMs };
    await put(item, { state: 'sending' });
    tell();
    const answer = await attempt(item, session).catch(() => ({ status: 0, data: null }));
    if ([400, 401, 403].includes(answer.status)) {
      // The token of another session, or nobody any more: ask once, then judge.
      const fresh = await refresh().catch(() => null);
      if (!fresh?.signedIn || fresh.account !== session.account) {
        await put(item, { state: 'waiting' });
        return { sent, left: fresh ? 'signin' : 'offline', wait_ms: 10_000 };
      }
      session = fresh;
      Object.assign(answer, await attempt(item, session).catch(() => ({ status: 0, data: null })));
    }
    const left = await settle(item, answer);
    tell();
    if (left === 'sent') sent += 1;
    if (left === 'offline') return { sent, left, wait_ms: 10_000 };
    if (left === 'later' && answer.status === 429) return { sent, left, wait_ms: answer.wait_ms };
  }
}

const isAnything = async () => (await getAll('items')).some((item) => item.state === 'waiting' || item.state === 'sending');

/** The oldest that may go now: its report first, then its pictures. Nobody else sends, so "sending" is a broken try. */
async function next(account) {
  const all = await itemsOf(account);
  const unsent = new Set(all.filter((item) => item.state !== 'sent').map((item) => item.id));
  const ready = all
    .filter((item) => (item.state === 'waiting' || item.state === 'sending') && !unsent.has(item.after))
    .sort((one, other) => one.created_at - other.created_at);
  const now = Date.now();
  const item = ready.find((one) => one.next_at <= now) ?? null;
  return { item, waitMs: ready.length ? Math.max(1000, Math.min(...ready.map((one) => one.next_at)) - now) : null };
}

async function attempt(item, session) {
  const body = await unsealJson(item.account, item.id, item.sealed);
  if (item.kind === 'photo') return sendPhoto(item, body, session);
  const [url, values] = TARGETS[item.kind](body);
  return request(url, session, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(values) });
}

/** A picture in pieces: a broken one goes on where the server's copy ends. */
async function sendPhoto(item, { report, stage, taken_at: takenAt }, session) {
  const kept = await get('blobs', item.id);
  const bytes = await unseal(item.account, item.id, kept);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const query = new URLSearchParams({ sha256: [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('') });
  if (stage) query.set('stage', stage);
  if (takenAt) query.set('taken_at', takenAt);
  const url = `/api/reports/${report}/photos/${item.id}?${query}`;
  let offset = item.tries === 0 ? 0 : null; // null: ask first
  for (let restarts = 0; restarts < MOST_RESTARTS;) {
    const piece = offset === null ? new ArrayBuffer(0) : bytes.slice(offset, offset + PIECE_BYTES);
    const range = offset === null ? '*' : `${offset}-${offset + piece.byteLength - 1}`;
    const headers = { 'Content-Type': 'application/octet-stream', 'Content-Range': `bytes ${range}/${bytes.byteLength}` };
    const answer = await request(url, session, { method: 'PUT', headers, body: piece });
    if (answer.status !== 202 || !Number.isInteger(answer.data?.offset)) return answer;
    if (offset !== null && answer.data.offset <= offset) restarts += 1;
    offset = Math.min(answer.data.offset, bytes.byteLength - 1); // all there but not finished: the last byte once more
  }
  return { status: 503, data: {} };
}

async function request(url, session, options) {
  const response = await fetch(url, {
    ...options,
    headers: { ...options.headers, Accept: 'application/json', 'X-CSRFToken': session.csrf },
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const data = await response.json().catch(() => null);
  const asked = Number(response.headers.get('Retry-After'));
  return { status: response.status, data, wait_ms: asked > 0 ? asked * 1000 : 0 };
}

/** What the answer makes of the item: sent | refused | later | offline. */
async function settle(item, { status, data, wait_ms: waitMs }) {
  if ((status === 200 || status === 201) && data?.id && [item.id, item.after].includes(data.id)) {
    await finish(item);
    return 'sent';
  }
  if (REFUSED.includes(status) && data) {
    // It may quote what was entered.
    const error = await sealJson(item.account, `${item.id} error`, { status, detail: data.detail ?? '', errors: data.errors ?? [] });
    await put(item, { state: 'refused', error });
    return 'refused';
  }
  // Nobody there, somebody else who answers in the server's place, or a server that cannot just now.
  const tries = item.tries + 1;
  const wait = waitMs || Math.min(300_000, 2000 * 2 ** Math.min(tries, 8));
  const isGone = status === 0 || !data;
  await put(item, { state: 'waiting', tries, next_at: isGone ? 0 : Date.now() + wait });
  return isGone ? 'offline' : 'later';
}

const put = (item, fields) => change(['items'], async (items) => {
  const now = await items.get(item.id);
  if (now) await items.put({ ...now, ...fields }); // discarded meanwhile: then it stays so
});

/**
 * The server has it: the copy goes, and a line without content says so for a day. Of a passage the sealed words stay
 * with it: the round on this phone shows where somebody looked, also before it has been taken along anew.
 */
function finish(item) {
  return change(['items', 'blobs'], async (items, blobs) => {
    await blobs.delete(item.id);
    const now = await items.get(item.id);
    if (now) await items.put({ ...now, state: 'sent', sealed: now.kind === 'passage' ? now.sealed : null, error: null, sent_at: Date.now() });
    const done = (await items.getAll()).filter((one) => one.state === 'sent').sort((one, other) => other.sent_at - one.sent_at);
    for (const [index, one] of done.entries()) {
      if (index >= KEEP_SENT || Date.now() - one.sent_at > KEEP_SENT_MS) await items.delete(one.id);
    }
  });
}
