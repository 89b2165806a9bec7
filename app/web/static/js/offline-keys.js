// Where an account's key lies while somebody is signed in. A row that IndexedDB deletes stays in its files for a while; a
// bucket that is deleted is off the disk. A browser without buckets keeps the key in the phone's own database.

import { wrap } from '../node_modules/idb/build/index.js';
import { change, get } from './offline-db.js';

const BUCKET = 'quietude-keys';
const STORE = 'keys';
const buckets = globalThis.navigator?.storageBuckets;

/** One tab or worker at a time: a bucket that is being deleted cannot be opened. */
const alone = (work) => navigator.locks.request(BUCKET, work);

/** Work on the bucket's store and close it at once. Resolves to null where there is no bucket (or no room for one). */
async function inBucket(mode, work) {
  const bucket = await buckets?.open(BUCKET, { durability: 'strict', persisted: true }).catch(() => null);
  if (!bucket) return null;
  const request = bucket.indexedDB.open(STORE, 1);
  request.addEventListener('upgradeneeded', () => request.result.createObjectStore(STORE, { keyPath: 'account' }));
  const db = await wrap(request);
  try {
    const transaction = db.transaction(STORE, mode);
    const result = await work(transaction.store);
    await transaction.done;
    return result;
  } finally {
    db.close();
  }
}

let held = null; // {account, key}: an outbox of many items opens the bucket once

/** The CryptoKey of an account, undefined when it is not here. */
export async function getKey(account) {
  if (held?.account !== account) {
    const kept = await alone(() => inBucket('readonly', (store) => store.get(account)));
    held = kept ?? await get(STORE, account) ?? null;
  }
  return held?.key;
}

/** Keep it until somebody signs out. */
export async function putKey(account, key) {
  const row = { account, key };
  const isKept = await alone(() => inBucket('readwrite', (store) => store.put(row)));
  if (!isKept) await change([STORE], (keys) => keys.put(row));
  held = row;
}

/** Nobody is signed in any more. */
export async function dropKeys() {
  held = null;
  await alone(() => buckets?.delete(BUCKET));
  await change([STORE], (keys) => keys.clear());
}
