// What the service worker shares with the pages.

import { sendAll } from './offline-send.js';

const channel = new BroadcastChannel('quietude-outbox');

/** A background sync: rejects while something is left, so that the browser tries again. */
export async function flushOnce() {
  const { left } = await navigator.locks.request('quietude-send', () => sendAll(() => channel.postMessage('changed')));
  if (left === 'offline' || left === 'later') throw new Error(left);
}

export { signOut, staying } from './offline-session.js';
