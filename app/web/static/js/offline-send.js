// Sends the outbox, for pages and for the service worker. Call it only while holding the lock "quietude-send".
//
// An item goes away on 201 or 200 with its own id (or its report's) in the answer, and on nothing else: a hotel's sign-in page also says 200.

import { OfflineError, change, get, getAll, itemsOf, unlessFull } from './offline-db.js';
import { sealJson, unseal, unsealJson } from './offline-seal.js';
import { refresh } from './offline-session.js';

const TIMEOUT_MS = 60_000;
const REFUSED = [400, 403, 404, 405, 409, 410, 413, 415, 422];
const WAIT_MS = 10_000;
const MOST_WAIT_MS = 3_600_000; // whatever is asked of us
const KEEP_SENT_MS = 24 * 3_600_000;
const KEEP_SENT = 50;
const PIECE_BYTES = 256 * 1024;
const MOST_HALVINGS = 2; // 64 kB go through in a minute at 9 kbit/s; each piece counts: 600 a minute
const MOST_RESTARTS = 4;
export const EDITING = 'quietude-editing'; // with an id, the name of the lock of whoever edits it
const TIMES = ['observed_at', 'at', 'passed_at'];
const AHEAD_MS = 60_000; // no clock is quite right

const TARGETS = {
  report: (body) => ['/api/reports', body],
  confirmation: ({ report, ...rest }) => [`/api/reports/${report}/confirmations`, rest],
  passage: ({ patrol, ...rest }) => [`/api/patrols/${patrol}/passages`, rest],
};

let heldUntil = 0; // by the server, for all that this account sends

/** Resolves to {sent, left: none | offline | signin | later, wait_ms}. `tell` after every change. */
export async function sendAll(tell = () => {}) {
  const result = await sendEach(tell);
  if (result.sent) await prune();
  return result;
}

async function sendEach(tell) {
  let sent = 0;
  let session;
  try {
    if (!(await takeBack())) return { sent, left: 'none' };
    const held = heldUntil - Date.now();
    if (held > 0 && held <= MOST_WAIT_MS) return { sent, left: 'later', wait_ms: held };
    session = await refresh();
  } catch {
    return { sent, left: 'offline', wait_ms: WAIT_MS };
  } finally {
    tell();
  }
  if (!session.signedIn) return { sent, left: 'signin' };
  for (;;) {
    const { item, waitMs } = await next(session.account);
    if (!item) return { sent, left: waitMs === null ? 'none' : 'later', wait_ms: waitMs };
    if (!(await claim(item))) continue; // edited or thrown away since
    tell();
    let answer = await attempt(item, session);
    if ([400, 401, 403].includes(answer.status)) {
      // The token of another session, or nobody any more: ask once, then judge.
      const fresh = await refresh().catch(() => null);
      if (!fresh?.signedIn || fresh.account !== session.account) {
        await put(item, { state: 'waiting' });
        return { sent, left: fresh ? 'signin' : 'offline', wait_ms: WAIT_MS };
      }
      session = fresh;
      answer = await attempt(item, session);
    }
    if (answer.status === 429) {
      // Nothing is wrong with the item: it was too much at once.
      const wait = Math.min(MOST_WAIT_MS, answer.wait_ms || WAIT_MS);
      heldUntil = Date.now() + wait;
      await put(item, { state: 'waiting', isBegun: true });
      tell();
      return { sent, left: 'later', wait_ms: wait };
    }
    const left = await settle(item, answer);
    tell();
    if (left === 'sent') sent += 1;
    if (left === 'offline') return { sent, left, wait_ms: WAIT_MS };
  }
}

/**
 * Nobody else sends: what is "sending" is a broken try, and waits again. So does what was opened to be edited and left as
 * it was. Resolves to whether anything waits.
 */
async function takeBack() {
  const all = await getAll('items');
  const { held } = await navigator.locks.query();
  const entering = new Set(held.map((lock) => lock.name));
  const broken = all.filter((item) => item.state === 'sending');
  for (const item of all) {
    if (item.state === 'editing' && !entering.has(`${EDITING} ${item.id}`) && !(await hasDraft(item))) broken.push(item);
  }
  const free = ({ id, state, error }) => change(['items'], async (items) => {
    const now = await items.get(id);
    if (now?.state === state) await items.put({ ...now, state: error ? 'refused' : 'waiting' });
  }).catch(unlessFull);
  for (const item of broken) await free(item);
  return broken.length > 0 || all.some((item) => item.state === 'waiting');
}

/** Whether a form holds something else of it; yes, when that cannot be read. */
async function hasDraft({ id, account }) {
  const kept = await get('drafts', `${account} report`);
  return Boolean(kept) && unsealJson(account, 'report', kept.sealed).then((values) => values.id === id, () => true);
}

/** The least tried, then the oldest, that may go now; after what it belongs to. What always fails holds nothing else up. */
async function next(account) {
  const all = await itemsOf(account);
  const unsent = new Set(all.filter((item) => item.state !== 'sent').map((item) => item.id));
  const ready = all
    .filter((item) => item.state === 'waiting' && !unsent.has(item.after))
    .sort((one, other) => one.tries - other.tries || one.created_at - other.created_at);
  const now = Date.now();
  const waits = ready.map((one) => (one.next_at > now + MOST_WAIT_MS ? 0 : one.next_at - now)); // the clock was put back
  const item = ready.find((one, index) => waits[index] <= 0) ?? null;
  return { item, waitMs: ready.length ? Math.max(1000, Math.min(...waits)) : null };
}

const isSame = (now, item) => String(now?.sealed?.iv) === String(item.sealed.iv); // each seal has its own

/** Whether it is still what was chosen; nobody edits it from now on. */
const claim = (item) => change(['items'], async (items) => {
  const now = await items.get(item.id);
  if (now?.state !== 'waiting' || !isSame(now, item)) return false;
  await items.put({ ...now, state: 'sending' });
  return true;
}).catch(unlessFull);

/** {status, data, wait_ms}; status 0: no answer. `unreadable`: what was kept cannot be read any more. */
async function attempt(item, session) {
  try {
    const body = await inTime(item, await unsealJson(item.account, item.id, item.sealed), session.aheadMs);
    if (item.kind === 'photo') return await sendPhoto(item, body, session);
    const [url, values] = TARGETS[item.kind](body);
    return await request(url, session, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(values) });
  } catch (error) {
    return { status: 0, data: null, unreadable: error.name === 'OperationError' || error.code === 'missing' };
  }
}

/**
 * A time by a clock that is wrong is set right: one that lies ahead always, another when it was taken from the clock, not
 * entered, and the clock was as wrong when the server was last asked before. Kept so before it is sent, since a second
 * try must say the same.
 */
async function inTime(item, body, aheadMs) {
  const isSteady = item.tries === 0 && Math.abs(aheadMs) > AHEAD_MS && Math.abs(item.ahead_ms - aheadMs) < AHEAD_MS;
  const wrong = TIMES.filter((name) => {
    const at = Date.parse(body[name]);
    return at > Date.now() - aheadMs + AHEAD_MS || (isSteady && Math.abs(at - item.created_at) < AHEAD_MS);
  });
  if (!wrong.length) return body;
  const right = { ...body };
  for (const name of wrong) right[name] = new Date(Date.parse(body[name]) - aheadMs).toISOString();
  const sealed = await sealJson(item.account, item.id, right);
  await put(item, { sealed });
  item.sealed = sealed;
  return right;
}

/** A picture in pieces: a broken one goes on where the server's copy ends, in smaller ones. */
async function sendPhoto(item, { report, stage, taken_at: takenAt }, session) {
  const kept = await get('blobs', item.id);
  if (!kept) throw new OfflineError('missing');
  const bytes = await unseal(item.account, item.id, kept);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const query = new URLSearchParams({ sha256: [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('') });
  if (stage) query.set('stage', stage);
  if (takenAt) query.set('taken_at', takenAt);
  const url = `/api/reports/${report}/photos/${item.id}?${query}`;
  const size = PIECE_BYTES >> Math.min(item.broken ?? 0, MOST_HALVINGS);
  let offset = item.tries === 0 && !item.isBegun ? 0 : null; // null: ask first
  for (let restarts = 0; restarts < MOST_RESTARTS;) {
    const piece = offset === null ? new ArrayBuffer(0) : bytes.slice(offset, offset + size);
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
async function settle(item, { status, data, wait_ms: waitMs, unreadable }) {
  if ((status === 200 || status === 201) && data?.id && [item.id, item.after].includes(data.id)) {
    await finish(item);
    return 'sent';
  }
  // The register's own words (RFC 9457), or a proxy before it that takes nothing so large.
  const said = data?.status === status ? data : null;
  if (unreadable || status === 413 || (said && REFUSED.includes(status))) {
    const why = { status: unreadable ? 'unreadable' : status, detail: said?.detail ?? '', errors: said?.errors ?? [] };
    const error = await sealJson(item.account, `${item.id} error`, why); // it may quote what was entered
    await put(item, { state: 'refused', error });
    return 'refused';
  }
  // Nobody there, or somebody else who answers in the server's place: nothing more goes out. Or it cannot just now.
  const isGone = status < 400;
  const tries = item.tries + 1;
  const wait = Math.min(MOST_WAIT_MS, waitMs || Math.min(300_000, 2000 * 2 ** Math.min(tries, 8)));
  const broken = (item.broken ?? 0) + (status === 0);
  await put(item, { state: 'waiting', tries, broken, next_at: isGone ? 0 : Date.now() + wait });
  return isGone ? 'offline' : 'later';
}

/** Unless it was thrown away or saved anew meanwhile: then that counts. */
const put = (item, fields) => change(['items'], async (items) => {
  const now = await items.get(item.id);
  if (isSame(now, item)) await items.put({ ...now, ...fields });
});

/**
 * The server has it: the copy goes, and a line without content says so for a day. Of a passage the sealed words stay
 * with it: the round on this phone shows where somebody looked, also before it has been taken along anew.
 */
async function finish(item) {
  const line = { ...item, state: 'sent', sealed: item.kind === 'passage' ? item.sealed : null, error: null, sent_at: Date.now() };
  const end = (work) => change(['items', 'blobs'], async (items, blobs) => {
    const now = await items.get(item.id);
    if (!isSame(now, item)) return; // saved anew: the server will say that it has another one
    await blobs.delete(item.id);
    await work(items);
  });
  await end((items) => items.put(line)).catch(async (error) => {
    unlessFull(error);
    await end((items) => items.delete(item.id)); // takes no room
    await change(['items'], (items) => items.put(line)).catch(unlessFull);
  });
}

/** Lines of what was sent: those of a day, by whatever clock. */
async function prune() {
  const age = (one) => Math.abs(Date.now() - one.sent_at);
  const done = (await getAll('items')).filter((one) => one.state === 'sent').sort((one, other) => age(one) - age(other));
  const old = done.filter((one, index) => index >= KEEP_SENT || age(one) > KEEP_SENT_MS);
  if (old.length) await change(['items'], (items) => Promise.all(old.map((one) => items.delete(one.id))));
}
