// What waits on the phone is sealed (AES-GCM) with the key of its account: whoever picks the phone up next cannot read it.

import { OfflineError } from './offline-db.js';
import { getKey, putKey } from './offline-keys.js';

const subtle = globalThis.crypto?.subtle;

export const isPossible = () => Boolean(subtle && globalThis.indexedDB && globalThis.navigator?.locks);

/** Keep a key that the server handed out. It cannot be read back, only used, and goes when its account signs out. */
export async function keepKey(account, base64) {
  const raw = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const key = await subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
  await putKey(account, key);
}

async function keyOf(account) {
  if (!subtle) throw new OfflineError('insecure');
  const key = account && await getKey(account);
  if (!key) throw new OfflineError('account');
  return key;
}

/** Bytes → {iv, data}. `about` (the item's id) is bound in: sealed pieces cannot be swapped. */
export async function seal(account, about, bytes) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const additionalData = new TextEncoder().encode(about);
  return { iv, data: await subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, await keyOf(account), bytes) };
}

export async function unseal(account, about, { iv, data }) {
  const additionalData = new TextEncoder().encode(about);
  return subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, await keyOf(account), data);
}

export const sealJson = (account, about, value) => seal(account, about, new TextEncoder().encode(JSON.stringify(value)));
export const unsealJson = async (account, about, sealed) => JSON.parse(new TextDecoder().decode(await unseal(account, about, sealed)));
