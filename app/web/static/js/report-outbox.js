// Between a form and the outbox: save, see whether it went out at once, and follow what becomes of it.

import { OfflineError, flush, isPossible, list, save, subscribe } from './offline-outbox.js';
import { refresh } from './offline-session.js';

const WAIT_MS = 12_000; // as long as somebody looks at "Sending…"

/** Whether this browser can keep anything: plain http from another machine has no crypto. */
export const canKeep = isPossible;

/** Save; whoever never opened a page with a network before is asked of the server first. Raises OfflineError. */
export async function keep(kind, body, blobs = []) {
  try {
    return await save(kind, body, blobs);
  } catch (error) {
    if (!(error instanceof OfflineError) || error.code !== 'account') throw error;
    await refresh().catch(() => { throw error; });
    return save(kind, body, blobs);
  }
}

/** Try to send now: {state: sent | refused | waiting | lost, error, left: none | offline | signin | later}. lost: it is not here. */
export async function sendNow(id) {
  const timeout = new Promise((resolve) => { setTimeout(() => resolve({ left: 'later' }), WAIT_MS); });
  const went = flush().catch(() => ({ left: 'offline' }));
  const { left } = await Promise.race([settled(id), went, timeout]);
  const item = await find(id);
  return { state: item?.state === 'sending' ? 'waiting' : item?.state ?? 'lost', error: item?.error ?? null, left };
}

export const find = async (id) => (await list()).find((item) => item.id === id) ?? null;

/** Resolves once it is sent or refused: its pictures may still be on their way. */
function settled(id) {
  return new Promise((resolve) => {
    const stop = subscribe(async () => {
      const item = await find(id).catch(() => null);
      if (item && ['sent', 'refused'].includes(item.state)) {
        queueMicrotask(() => stop());
        resolve({ left: 'none' });
      }
    });
  });
}

/** Calls `fn(items)` with an item and what hangs on it, now and after every change. Returns a function that stops it at once. */
export function follow(id, fn) {
  let isOver = false; // a list that is being read when it is stopped is not told any more
  const stop = subscribe(async () => {
    const items = (await list()).filter((item) => item.id === id || item.after === id);
    if (!isOver) fn(items);
  });
  return () => {
    isOver = true;
    stop();
  };
}
