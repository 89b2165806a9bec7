// Photos of a form: chosen, shown small, taken out again; then sent one after the other, with progress and another try.

import { makeIcon } from './make-icon.js';
import { newId, prepare, send } from './photo-upload.js';

const MOST = 6;
const FINAL = [401, 409, 413, 422, 429]; // an answer that says why; anything else is the connection's or the server's fault

/** A chosen photo cannot be read any more; the message says which. */
class PhotoError extends Error {
  code = 'photo';
}

/**
 * Make a photo field live. `onChange(files)` runs when the choice has changed.
 * Returns {add, clear, files(), prepared() → [{id, blob}] made small, the same each time, or a PhotoError, uploadTo(url) → whether all were sent}.
 */
export function setUpPhotos(field, panel, { most = MOST, onChoose, onChange } = {}) {
  const texts = JSON.parse(document.querySelector('#photo-texts').textContent);
  const list = field.querySelector('[data-photo-list]');
  const problem = field.querySelector('[data-photo-problem]');
  const uploads = setUpUploads(panel, texts);
  let chosen = [];
  (field.closest('form.photo-add') ?? field).classList.add('photo-ready');

  function add(files) {
    problem.hidden = true;
    for (const file of files) {
      const why = refusal(file) ?? (chosen.length >= most ? texts.most : null);
      if (why) {
        problem.textContent = why.replace('{name}', file.name);
        problem.hidden = false;
      } else {
        chosen.push({ id: newId(), file, url: URL.createObjectURL(file) });
      }
    }
    draw();
    changed();
    onChoose?.();
  }

  /** What can be said of a file without opening it; null when it may be a picture. */
  function refusal(file) {
    if (!file.size) return texts.empty;
    return file.type && !file.type.startsWith('image/') ? texts.other : null;
  }

  const unreadable = ({ file }) => texts.unreadable.replace('{name}', file.name);
  const changed = () => onChange?.(chosen.map((photo) => photo.file));

  function draw() {
    list.replaceChildren(...chosen.map((photo) => chosenLine(photo, texts, () => {
      chosen = chosen.filter((other) => other !== photo);
      URL.revokeObjectURL(photo.url);
      draw();
      changed();
      field.querySelector('[data-photo-input]:not([capture])').focus();
    })));
  }

  function prepared() {
    return Promise.all(chosen.map(async (photo) => {
      photo.blob ??= await prepare(photo.file).catch(() => { throw new PhotoError(unreadable(photo)); }); // kept: another try sends the very same bytes
      return { id: photo.id, blob: photo.blob };
    }));
  }

  function clear() {
    for (const photo of chosen) URL.revokeObjectURL(photo.url);
    chosen = [];
    problem.hidden = true;
    draw();
    changed();
    uploads.tidy();
  }

  function uploadTo(url) {
    const going = chosen;
    chosen = [];
    draw();
    return uploads.start(url, going);
  }

  function take(input) {
    if (!input.files.length) return;
    add([...input.files]);
    input.value = ''; // the list holds them now; the same picture may be chosen again
  }

  for (const input of field.querySelectorAll('[data-photo-input]')) {
    input.addEventListener('change', () => take(input));
    queueMicrotask(() => take(input)); // chosen before this script was there, on a slow network; the caller has what we return by then
  }
  return { add, clear, files: () => chosen.map((photo) => photo.file), prepared, uploadTo };
}

function chosenLine(photo, texts, onRemove) {
  const line = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'button quiet';
  button.setAttribute('aria-label', texts.remove.replace('{name}', photo.file.name));
  button.append(makeIcon('ui-close'));
  button.addEventListener('click', onRemove);
  const image = small(photo, texts);
  image.addEventListener('error', () => button.before(Object.assign(document.createElement('span'), { className: 'photo-note danger', textContent: texts.unknown })));
  line.append(image, named(photo), button);
  return line;
}

function small(photo, texts) {
  const image = document.createElement('img');
  image.src = photo.url;
  image.alt = texts.preview.replace('{name}', photo.file.name);
  image.addEventListener('error', () => image.replaceWith(Object.assign(document.createElement('span'), { className: 'photo-none' })));
  return image;
}

const named = (photo) => Object.assign(document.createElement('span'), { className: 'photo-name', textContent: photo.file.name });

/** The panel of what is on its way. It outlives the form: the next report may be written meanwhile. */
function setUpUploads(panel, texts) {
  const summary = document.createElement('p');
  summary.setAttribute('role', 'status');
  const list = document.createElement('ul');
  list.className = 'photo-list';
  panel.append(summary, list);
  let photos = [];
  let running = Promise.resolve();

  const unsent = () => photos.filter((photo) => !photo.sent && !photo.refused);
  window.addEventListener('beforeunload', (event) => { if (unsent().length) event.preventDefault(); });
  window.addEventListener('online', () => retryAll());

  function say() {
    panel.hidden = photos.length === 0;
    const done = photos.filter((photo) => photo.sent).length;
    summary.textContent = done === photos.length
      ? texts.all : texts.progress.replace('{done}', done).replace('{count}', photos.length);
  }

  function start(url, going) {
    for (const photo of going) {
      photo.target = url;
      photo.line = document.createElement('li');
      photo.note = Object.assign(document.createElement('span'), { className: 'photo-note', textContent: texts.waiting });
      photo.bar = Object.assign(document.createElement('progress'), { max: 1, value: 0 });
      photo.bar.setAttribute('aria-label', photo.file.name);
      photo.line.append(small(photo, texts), named(photo), photo.note, photo.bar);
      list.append(photo.line);
    }
    photos.push(...going);
    say();
    return queue(going).then(() => going.every((photo) => photo.sent));
  }

  function queue(going) {
    running = running.then(async () => { for (const photo of going) await go(photo); });
    return running;
  }

  async function go(photo) {
    photo.line.querySelector('button')?.remove();
    photo.note.classList.remove('danger');
    photo.note.textContent = texts.preparing;
    photo.blob ??= await prepare(photo.file).catch(() => null); // kept: another try sends the very same bytes
    photo.note.textContent = texts.sending;
    const answer = photo.blob
      ? await send(photo.target, photo.id, photo.blob, (part) => { photo.bar.value = part; })
      : { status: 422, data: { detail: texts.unreadable.replace('{name}', photo.file.name) } };
    photo.sent = answer.status === 200 || answer.status === 201;
    photo.refused = [409, 413, 422].includes(answer.status);
    if (photo.sent) photo.bar.value = 1;
    else photo.bar.value = 0;
    photo.note.textContent = photo.sent ? texts.sent : reason(answer);
    photo.note.classList.toggle('danger', !photo.sent);
    if (!photo.sent && !photo.refused) photo.line.append(retryButton(photo));
    say();
  }

  function reason({ status, data }) {
    if (status === 0) return texts.network;
    if (status === 401) return texts.signin;
    if (status === 429 || status === 503) return texts.busy;
    if (FINAL.includes(status)) return data.errors?.[0]?.message ?? data.detail ?? texts.failed;
    return texts.server.replace('{status}', status);
  }

  function retryButton(photo) {
    const button = Object.assign(document.createElement('button'), { type: 'button', className: 'button', textContent: texts.retry });
    button.addEventListener('click', () => queue([photo]));
    return button;
  }

  const retryAll = () => queue(unsent().filter((photo) => photo.line.querySelector('button')));

  function tidy() {
    for (const photo of photos.filter((one) => one.sent || one.refused)) {
      photo.line.remove();
      URL.revokeObjectURL(photo.url);
    }
    photos = unsent();
    if (photos.length) say();
    else panel.hidden = true;
  }

  return { start, tidy };
}
