// After "Send": what is sent, what waits on this phone, and how the photos are doing, until all of it has arrived.

import { flush } from './offline-outbox.js';
import { follow } from './report-outbox.js';

/** Make the end of the form live. Returns {show(id, label, outcome), confirmed(id, title, text), hide()}. */
export function setUpSent(form, done, panel, texts) {
  const photoTexts = JSON.parse(document.querySelector('#photo-texts').textContent);
  const uploads = setUpUploads(panel, photoTexts);
  let stop = null;

  function open(id, title, text) {
    done.querySelector('#done-title').textContent = title;
    done.querySelector('#done-text').textContent = text;
    done.querySelector('#done-link').href = `/reports/${id}`;
    done.querySelector('#done-problem').hidden = true;
    form.hidden = true;
    done.hidden = false;
    window.scrollTo(0, 0);
    done.querySelector('#done-title').focus();
  }

  function say(isSent, label, left) {
    done.classList.toggle('waits', !isSent);
    const why = { signin: 'kept_signin', later: navigator.onLine ? 'kept_later' : 'kept_text' }[left] ?? 'kept_text';
    done.querySelector('#done-title').textContent = isSent ? texts.recorded : texts.kept;
    done.querySelector('#done-text').textContent = isSent ? label : texts[why].replace('{what}', label);
    const link = done.querySelector('#done-link');
    link.querySelector('span').textContent = isSent ? texts.see : texts.outbox;
  }

  /** A report that is in the outbox: what is said follows it. `onRefused(error)` runs when the server will not have it. */
  function show(id, label, { state, left }, onRefused) {
    stop?.();
    open(id, texts.kept, '');
    say(state === 'sent', label, left);
    done.querySelector('#done-link').href = state === 'sent' ? `/reports/${id}` : '/outbox';
    stop = follow(id, (items) => {
      const report = items.find((item) => item.id === id);
      uploads.draw(items.filter((item) => item.kind === 'photo'));
      if (report?.state === 'refused') {
        stop?.();
        return onRefused(report.error);
      }
      if (!done.hidden && (!report || report.state === 'sent')) {
        say(true, label);
        done.querySelector('#done-link').href = `/reports/${id}`;
      }
      return undefined;
    });
  }

  /** Something that the server has already: nothing waits. */
  function confirmed(id, title, text) {
    stop?.();
    open(id, title, text);
    done.classList.remove('waits');
    done.querySelector('#done-link span').textContent = texts.see;
  }

  function hide() {
    done.hidden = true; // its photos are followed on
    done.querySelector('#done-title').textContent = '';
    form.hidden = false;
    uploads.tidy();
  }

  return { show, confirmed, hide };
}

/** The panel of photos on their way. It outlives the form: the next report may be written meanwhile. */
function setUpUploads(panel, texts) {
  const summary = document.createElement('p');
  summary.setAttribute('role', 'status');
  const list = Object.assign(document.createElement('ul'), { className: 'photo-list' });
  panel.append(summary, list);
  let shown = [];

  function draw(photos) {
    shown = photos;
    panel.hidden = photos.length === 0;
    const done = photos.filter((photo) => photo.state === 'sent').length;
    summary.textContent = done === photos.length ? texts.all : texts.progress.replace('{done}', done).replace('{count}', photos.length);
    list.replaceChildren(...photos.map(line));
  }

  function line(photo, index) {
    const item = document.createElement('li');
    const name = Object.assign(document.createElement('span'), { className: 'photo-name', textContent: texts.number.replace('{number}', index + 1) });
    const note = Object.assign(document.createElement('span'), { className: 'photo-note', textContent: said(photo) });
    note.classList.toggle('danger', photo.state === 'refused');
    item.append(Object.assign(document.createElement('span'), { className: 'photo-none' }), name, note);
    if (photo.state === 'waiting') {
      const again = Object.assign(document.createElement('button'), { type: 'button', className: 'button', textContent: texts.retry });
      again.addEventListener('click', () => { flush().catch(() => {}); });
      item.append(again);
    }
    return item;
  }

  function said({ state, error }) {
    if (state === 'refused') return error?.errors?.[0]?.message ?? error?.detail ?? texts.failed;
    if (state === 'waiting') return navigator.onLine ? texts.waiting : texts.network;
    return texts[state] ?? texts.waiting;
  }

  return { draw, tidy: () => { if (shown.every((photo) => photo.state === 'sent' || photo.state === 'refused')) panel.hidden = true; } };
}
