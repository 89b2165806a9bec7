// Reported already? The open reports of the same theme at the place, as soon as both are known; one tap says it is the same.

import { makeIcon } from './make-icon.js';

const HERE_M = 3; // nearer than any position is exact
const WAIT_MS = 400; // the pin may still be moving

/**
 * Make the question live. `onSame(found)` runs when somebody says that it is one of them.
 * Returns {look({category, lon, lat}), clear(), say(text, found, gone)}.
 */
export function setUpSimilar(form, texts, onSame) {
  const block = form.querySelector('#similar');
  const list = block.querySelector('#similar-list');
  const problem = block.querySelector('#similar-problem');
  const status = form.querySelector('#similar-status');
  const answered = new Set(); // "something else" is asked once
  let running = null;
  let timer = 0;
  let asked = '';

  function hide() {
    block.hidden = true;
    list.replaceChildren();
    problem.hidden = true;
    status.textContent = '';
  }

  function clear() {
    running?.abort();
    window.clearTimeout(timer);
    answered.clear();
    asked = '';
    hide();
  }

  function look({ category, lon, lat }) {
    const query = category && lon !== '' && lat !== '' ? new URLSearchParams({ category, lon, lat }).toString() : '';
    if (query === asked) return;
    asked = query;
    running?.abort();
    window.clearTimeout(timer);
    if (!query) return hide();
    timer = window.setTimeout(() => ask(query), WAIT_MS);
  }

  async function ask(query) {
    running = new AbortController();
    try {
      const response = await fetch(`/api/reports/similar?${query}`, { signal: running.signal, headers: { Accept: 'application/json' } });
      show(response.ok ? (await response.json()).reports : []);
    } catch {
      // Without a network there is no question: the report is as good, and can be merged later.
    }
  }

  function show(reports) {
    const open = reports.filter((found) => !answered.has(found.id));
    if (!open.length) return hide();
    problem.hidden = true;
    list.replaceChildren(...open.map((found) => card(found, texts, onSame)));
    block.hidden = false;
    status.textContent = `${block.querySelector('h2').textContent} ${open.map((found) => found.label).join(', ')}`;
  }

  /** What went wrong with `found`; `gone`: it cannot be confirmed any more. */
  function say(text, found, gone = false) {
    problem.querySelector('p').textContent = text;
    problem.hidden = false;
    if (gone) [...list.children].find((item) => item.dataset.id === found.id)?.remove();
  }

  block.querySelector('#different').addEventListener('click', () => {
    for (const item of list.children) answered.add(item.dataset.id);
    hide();
    const next = form.querySelector('#severity');
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: 'start' });
  });
  return { look, clear, say };
}

function card(found, texts, onSame) {
  const item = document.createElement('li');
  item.className = 'similar-card';
  item.dataset.id = found.id;
  const words = document.createElement('div');
  const title = Object.assign(document.createElement('p'), { textContent: found.label });
  title.className = 'similar-title';
  const where = (found.distance_m < HERE_M ? texts.here_when : texts.where_when).replace('{metres}', Math.round(found.distance_m)).replace('{age}', found.age);
  const seen = found.confirmations ? texts[found.confirmations === 1 ? 'seen_once' : 'seen_often'].replace('{count}', found.confirmations) : '';
  const facts = Object.assign(document.createElement('p'), { className: 'soft', textContent: [where, found.state_label, seen].filter(Boolean).join(' · ') });
  words.append(title, facts);
  const button = Object.assign(document.createElement('button'), { type: 'button', className: 'button primary' });
  button.append(makeIcon('ui-check'), texts.same);
  button.addEventListener('click', () => onSame(found));
  item.append(picture(found), words, button);
  return item;
}

function picture(found) {
  if (found.thumb_url) return Object.assign(document.createElement('img'), { src: found.thumb_url, alt: '', loading: 'lazy' });
  const box = Object.assign(document.createElement('span'), { className: 'similar-icon' });
  box.append(makeIcon(`category-${found.category}`));
  return box;
}
