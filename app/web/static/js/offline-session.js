// Who is signed in on this phone: asked of the server whenever there is one, else as it was known last.

import { change, get, unlessFull } from './offline-db.js';
import { dropKeys } from './offline-keys.js';
import { isPossible, keepKey } from './offline-seal.js';

const TIMEOUT_MS = 15_000;
const WRONG_MS = 300_000; // of a clock that is said to be wrong
const NOBODY = { account: null, page: null, signedIn: false, leaving: null, aheadMs: 0 };

const kept = async () => ({ ...NOBODY, ...await get('state', 'who') });
const remember = (who) => change(['state'], (state) => state.put({ ...NOBODY, ...who }, 'who'));

/** A page of the server says whose it is: what was known of somebody else must not be used for a moment longer. */
async function check() {
  const page = globalThis.document?.querySelector('meta[name="quietude-account"]')?.content;
  if (!page || !isPossible()) return; // a worker, or a page without anybody in it
  const who = await kept();
  if (page === 'none') {
    if (who.signedIn) await remember({ ...who, signedIn: false });
  } else if (page !== who.page) {
    await refresh().catch(forget);
  } else if (!who.signedIn) {
    await remember({ ...who, signedIn: true });
  }
}

let checked = null;

/** What was known last: {account: tag or null, signedIn, aheadMs of this phone's clock}. The account stays when its session has only ended. */
export async function known() {
  checked ??= check().catch(() => {});
  await checked;
  const who = await kept();
  if (!who.account) checked = null; // the network may be back: ask again next time
  return who;
}

/**
 * Ask the server. Resolves to {account, signedIn, csrf, aheadMs of this phone's clock}; rejects when there is no network (or something that answers in
 * the server's place). Somebody else's key and reports go at once; her queue stays, sealed.
 */
export async function refresh() {
  const response = await fetch('/api/offline/session', {
    headers: { Accept: 'application/json' }, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const answer = response.ok ? await response.json() : null;
  if (typeof answer?.signed_in !== 'boolean') throw new TypeError(`no session: ${response.status}`);
  const before = await kept();
  if (answer.signed_in && before.leaving === answer.account) return leave(answer);
  if (answer.signed_in) {
    if (before.account !== answer.account) await forget();
    await keepKey(answer.account, answer.key).catch(unlessFull); // the one that is here is as good
  }
  const { account, page } = answer.signed_in ? answer : before;
  const aheadMs = Date.now() - (Date.parse(response.headers.get('Date')) || Date.now());
  await remember({ account, page, signedIn: answer.signed_in, aheadMs }).catch(unlessFull);
  return { account, signedIn: answer.signed_in, csrf: answer.csrf_token, aheadMs };
}

/** What time it is (ms) when this phone's clock is minutes off, as far as it was told; else null. */
export async function rightTime() {
  const { aheadMs } = await known();
  return Math.abs(aheadMs) > WRONG_MS ? Date.now() - aheadMs : null;
}

/** She signed out without a network: the server hears of it as soon as there is one. */
async function leave(answer) {
  const gone = await fetch('/logout', { method: 'POST', headers: { 'X-CSRFToken': answer.csrf_token }, redirect: 'manual' });
  if (gone.status >= 400) throw new TypeError(`not signed out: ${gone.status}`);
  await staying();
  globalThis.location?.reload?.(); // the page still shows her
  return { account: null, signedIn: false, csrf: null };
}

/** The server knows who is there: nothing is left to tell it. */
export async function staying() {
  await remember({ ...await kept(), leaving: null });
}

/** Sign-out, or somebody else: keys and what was taken along go. Queues stay, and nobody can read them. */
export async function forget({ leaving = null } = {}) {
  await dropKeys();
  await change(['state', 'reference'], async (state, reference) => {
    await reference.clear();
    await state.put({ ...NOBODY, leaving }, 'who');
  });
}

/** What the sign-out button does on this phone, before the server is asked. */
export async function signOut() {
  await forget({ leaving: (await kept()).account });
}

/** Sign out here, then there. Resolves to whether the server has heard of it. */
export async function signOutEverywhere() {
  const session = await refresh().catch(() => null);
  await signOut();
  if (!session) return false;
  const headers = { 'X-CSRFToken': session.csrf };
  const answer = await fetch('/logout', { method: 'POST', headers, redirect: 'manual' }).catch(() => null);
  if (!answer || answer.status >= 400) return false;
  await staying();
  return true;
}
