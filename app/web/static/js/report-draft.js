// A form that is not finished survives a reload, a rotation and a closed browser: sealed on the phone, for this account only.

import { draft, keepDraft } from './offline-outbox.js';

const NAME = 'report';
const PHOTOS = 'report-photos';
const WAIT_MS = 300;

/**
 * Keep what `read()` gives (null: nothing worth keeping) whenever the form changes, and at the latest when the page is left.
 * `onFull(isFull)` after each try: the phone has no room for it.
 * Returns {load() → values or null, photos() → files, keepPhotos(files), drop()}.
 */
export function setUpDraft(form, read, { onFull }) {
  let timer = 0;
  let last = 'null';
  let running = Promise.resolve();
  const unkept = new Set(); // of NAME and PHOTOS: what there was no room for

  const put = (name, value) => {
    running = running.then(async () => keepDraft(name, await value())).then(
      () => unkept.delete(name),
      (error) => (error.code === 'full' ? unkept.add(name) : unkept.delete(name)), // else: a phone that keeps nothing
    ).then(() => onFull(unkept.size > 0));
    return running;
  };
  const now = () => {
    window.clearTimeout(timer);
    const values = read();
    const said = JSON.stringify(values);
    if (said === last) return;
    last = said;
    put(NAME, () => values);
  };
  const soon = () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(now, WAIT_MS);
  };
  form.addEventListener('input', soon);
  form.addEventListener('change', soon);
  form.addEventListener('click', soon);
  document.addEventListener('visibilitychange', () => { if (document.hidden) now(); });
  window.addEventListener('pagehide', now);

  const keepPhotos = (files) => put(PHOTOS, () => (files.length ? Promise.all(files.map(asText)) : null));

  async function drop() {
    window.clearTimeout(timer);
    last = 'null';
    put(NAME, () => null);
    await put(PHOTOS, () => null);
    unkept.clear();
    onFull(false);
  }

  return {
    soon,
    keepPhotos,
    drop,
    load: () => draft(NAME).catch(() => null),
    photos: async () => Promise.all(((await draft(PHOTOS).catch(() => null)) ?? []).map(asFile)),
  };
}

function asText(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve({ name: file.name, url: reader.result }));
    reader.addEventListener('error', () => reject(reader.error));
    reader.readAsDataURL(file);
  });
}

/** Not by fetch: the page's policy lets nothing but its own origin be asked. */
function asFile({ name, url }) {
  const [head, data] = url.split(',');
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  return new File([bytes], name, { type: /data:([^;]*)/.exec(head)?.[1] ?? '' });
}
