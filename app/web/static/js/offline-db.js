// The phone's own database. Each version is a step; a step that was released never changes, so that no queue is lost.

import { openDB } from '../node_modules/idb/build/index.js';

export const NAME = 'quietude';

const STEPS = [
  (db) => {
    db.createObjectStore('items', { keyPath: 'id' }); // what waits to be sent; its text sealed
    db.createObjectStore('blobs', { keyPath: 'id' }); // its picture, sealed
    db.createObjectStore('keys', { keyPath: 'account' }); // only while somebody is signed in, where there are no buckets
    db.createObjectStore('state'); // who is signed in, as far as known
    db.createObjectStore('reference'); // places, words, open reports, sealed
    db.createObjectStore('drafts'); // a form that is not finished, sealed
  },
  (db, transaction) => {
    transaction.objectStore('items').createIndex('account', 'account'); // a shared phone holds many queues
  },
];

/** What went wrong on this phone. `code`: newer | full | account | insecure | missing | busy. */
export class OfflineError extends Error {
  constructor(code, cause) {
    super(code, { cause });
    this.name = 'OfflineError';
    this.code = code;
  }
}

const PATIENCE_MS = 5000;
let opened = null;
let isHeld = false;

export function open() {
  if (isHeld) return Promise.reject(new OfflineError('newer'));
  opened ??= inTime(openDB(NAME, STEPS.length, {
    upgrade: (db, from, to, transaction) => { for (let step = from; step < to; step += 1) STEPS[step](db, transaction); },
    blocking: close, // another tab has a newer version: it must not wait for this one
    terminated: () => { opened = null; },
  })).catch((error) => {
    opened = null;
    // An older version of the app met a newer database: it must neither delete nor guess.
    throw error?.name === 'VersionError' ? new OfflineError('newer', error) : readable(error);
  });
  return opened;
}

/** A tab that sleeps may hold an older version for ever: this page goes on without the database until it lets go. */
function inTime(opening) {
  let timer;
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => {
      isHeld = true;
      reject(new OfflineError('newer'));
    }, PATIENCE_MS);
  });
  const settled = () => {
    clearTimeout(timer);
    isHeld = false;
  };
  opening.then((db) => {
    if (isHeld) db.close();
    settled();
  }, settled);
  return Promise.race([opening, late]);
}

async function close() {
  const db = await opened?.catch(() => null);
  opened = null;
  db?.close();
}

/** A full disk has one code, however the browser names it. */
export const readable = (error) => (
  error?.name === 'QuotaExceededError' || error?.inner?.name === 'QuotaExceededError' ? new OfflineError('full', error) : error
);

/** A full disk must not keep anything from being sent: that is what makes room. */
export function unlessFull(error) {
  if (readable(error).code !== 'full') throw error;
  return true;
}

/** Work on stores in one transaction that is on the disk when this resolves. `work` must await nothing but the stores. */
export async function change(stores, work) {
  const db = await open();
  const transaction = db.transaction(stores, 'readwrite', { durability: 'strict' });
  const failed = transaction.done.catch((error) => { throw readable(error); });
  failed.catch(() => {}); // said below
  try {
    const result = await work(...stores.map((name) => transaction.objectStore(name)));
    await failed;
    return result;
  } catch (error) {
    try {
      transaction.abort();
    } catch { /* it is over already */ }
    throw readable(error);
  }
}

export const get = async (store, key) => (await open()).get(store, key);
export const getAll = async (store) => (await open()).getAll(store);
export const itemsOf = async (account) => (account ? (await open()).getAllFromIndex('items', 'account', account) : []);
