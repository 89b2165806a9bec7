// Who is signed in on this phone: asked of the server whenever there is one, else as it was known last.

import { change, get, open } from './offline-db.js';
import { keepKey } from './offline-seal.js';

const TIMEOUT_MS = 15_000;

/** What was known last: {account: tag or null, signedIn: true | false}. */
export async function known() {
  return (await get('state', 'who')) ?? { account: null, signedIn: false };
}

/**
 * Ask the server. Resolves to {account, signedIn, csrf}; rejects when there is no network (or something that answers in
 * the server's place). Somebody else's key and reports go at once; her queue stays, sealed.
 */
export async function refresh() {
  const response = await fetch('/api/offline/session', {
    headers: { Accept: 'application/json' }, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const answer = response.ok ? await response.json() : null;
  if (typeof answer?.signed_in !== 'boolean') throw new TypeError(`no session: ${response.status}`);
  const before = await known();
  if (answer.signed_in && before.leaving === answer.account) return leave(answer);
  if (answer.signed_in) {
    if (before.account !== answer.account) await forget();
    await keepKey(answer.account, answer.key);
  }
  const account = answer.signed_in ? answer.account : before.account;
  await remember({ account, signedIn: answer.signed_in });
  return { account, signedIn: answer.signed_in, csrf: answer.csrf_token };
}

/** She signed out without a network: the server hears of it as soon as there is one. */
async function leave(answer) {
  const gone = await fetch('/logout', { method: 'POST', headers: { 'X-CSRFToken': answer.csrf_token }, redirect: 'manual' });
  if (gone.status >= 400) throw new TypeError(`not signed out: ${gone.status}`);
  await remember({ account: null, signedIn: false });
  return { account: null, signedIn: false, csrf: null };
}

const remember = (who) => change(['state'], (state) => state.put(who, 'who'));

/** Sign-out, or somebody else: keys and what was taken along go. Queues stay, and nobody can read them. */
export async function forget({ leaving = null } = {}) {
  await change(['keys', 'state', 'reference'], async (keys, state, reference) => {
    await keys.clear();
    await reference.clear();
    await state.put({ account: null, signedIn: false, leaving }, 'who');
  });
}

/** What the sign-out button does on this phone, before the server is asked. Pages kept by nobody are not pages kept. */
export async function signOut() {
  await open();
  const { account } = await known();
  await forget({ leaving: account });
}
