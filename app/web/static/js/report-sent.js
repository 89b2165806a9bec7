// After "Send": what is sent, what waits on this phone, and how the photos are doing, until all of it has arrived.

import { flush } from './offline-outbox.js';
import { follow } from './report-outbox.js';

/**
 * Make the end of the form live. Returns {show(thing, outcome, onReturn), confirmed(id, title, text), hide()}.
 * thing: {id of the item, report that it is about, label, title and text once it is sent}.
 */
export function setUpSent(form, done, panel, texts) {
  const photoTexts = JSON.parse(document.querySelector('#photo-texts').textContent);
  const uploads = setUpUploads(panel, photoTexts);
  let stop = null;

  function open(title, text) {
    done.querySelector('#done-title').textContent = title;
    done.querySelector('#done-text').textContent = text;
    done.querySelector('#done-problem').hidden = true;
    form.hidden = true;
    done.hidden = false;
    window.scrollTo(0, 0);
    done.querySelector('#done-title').focus();
  }

  function say(thing, isSent, left) {
    done.classList.toggle('waits', !isSent);
    const why = { signin: 'kept_signin', later: navigator.onLine ? 'kept_later' : 'kept_text' }[left] ?? 'kept_text';
    done.querySelector('#done-title').textContent = isSent ? thing.title : texts.kept;
    done.querySelector('#done-text').textContent = isSent ? thing.text : texts[why].replace('{what}', thing.label);
    linkTo(isSent ? `/reports/${thing.report}` : '/outbox', isSent ? texts.see : texts.outbox);
  }

  function linkTo(href, text) {
    const link = done.querySelector('#done-link');
    link.href = href;
    link.querySelector('span').textContent = text;
  }

  /**
   * Something that is in the outbox: what is said follows it. `onReturn(item)` runs when the server will not have it, and
   * with undefined when it is gone from this phone unsent; not once the next form is being filled in: the outbox says it.
   */
  function show(thing, { state, left }, onReturn) {
    stop?.();
    open(texts.kept, '');
    say(thing, state === 'sent', left);
    stop = follow(thing.id, (items) => {
      const kept = items.find((item) => item.id === thing.id);
      uploads.draw(items.filter((item) => item.kind === 'photo'));
      if (done.hidden) return undefined;
      if (kept?.state === 'sent') return say(thing, true);
      if (kept && kept.state !== 'refused') return undefined;
      stop?.();
      return onReturn(kept);
    });
  }

  /** Something that the server has already: nothing waits. */
  function confirmed(id, title, text) {
    stop?.();
    open(title, text);
    done.classList.remove('waits');
    linkTo(`/reports/${id}`, texts.see);
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
