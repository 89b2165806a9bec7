// One picture to the server: made smaller on the phone, sent with progress, the same bytes under the same id each time.

const LONG_SIDE_PX = 2048;
const QUALITY = 0.86;
const SMALL_BYTES = 600_000; // not worth the work

export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // Plain http on a local network has no randomUUID.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/**
 * A picture of at most 2048 px, upright and without metadata; what this browser cannot decode goes as it is. Rejects when
 * the file cannot be read any more: it was deleted, or lies with a service that is out of reach.
 */
export async function prepare(chosen) {
  const file = new Blob([await chosen.arrayBuffer()], { type: chosen.type });
  if (file.size <= SMALL_BYTES) return file;
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
    const scale = Math.min(1, LONG_SIDE_PX / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(bitmap.width * scale);
    canvas.height = Math.round(bitmap.height * scale);
    const context = canvas.getContext('2d');
    context.fillStyle = '#fff';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    const blob = await new Promise((resolve) => { canvas.toBlob(resolve, 'image/jpeg', QUALITY); });
    return blob && blob.size < file.size ? blob : file;
  } catch {
    return file;
  }
}

/** Send it; {status, data}, status 0 without connection or the server's own yes. A stale token is renewed once. */
export async function send(url, id, blob, onProgress) {
  const answer = await post(url, id, blob, onProgress);
  if (![400, 401, 403].includes(answer.status)) return answer;
  const response = await fetch('/api/session', { headers: { Accept: 'application/json' } }).catch(() => null);
  const fresh = response?.ok ? (await response.json().catch(() => null))?.csrf_token : null;
  if (!fresh) return answer;
  for (const place of document.querySelectorAll('meta[name="csrf-token"]')) place.content = fresh;
  for (const place of document.querySelectorAll('input[name="csrf_token"]')) place.value = fresh;
  return post(url, id, blob, onProgress);
}

function post(url, id, blob, onProgress) {
  const body = new FormData();
  body.append('id', id);
  body.append('photo', blob, 'photo');
  const request = new XMLHttpRequest(); // fetch tells nothing of an upload's progress
  return new Promise((resolve) => {
    request.upload.addEventListener('progress', (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    const end = () => {
      const data = parsed(request.responseText);
      resolve({ status: [200, 201].includes(request.status) && data.id !== id ? 0 : request.status, data });
    };
    for (const name of ['load', 'error', 'abort', 'timeout']) request.addEventListener(name, end);
    request.open('POST', url);
    request.setRequestHeader('Accept', 'application/json');
    request.setRequestHeader('X-CSRFToken', token());
    request.send(body);
  });
}

const token = () => document.querySelector('meta[name="csrf-token"]')?.content
  ?? document.querySelector('input[name="csrf_token"]')?.value ?? '';

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
