// What: a theme, then a category, two taps; those that somebody uses most stand first and take one.

import { makeIcon } from './make-icon.js';
import { draft, keepDraft } from './offline-outbox.js';

const HABITS = 'habits';
const MOST_RECENT = 3;

/** Make the "What?" block live. `onChoose(radio)` runs when a category is chosen. Returns {clear(), choose(code), remember(code)}. */
export function setUpCategories(form, texts, onChoose) {
  const bar = form.querySelector('#themes');
  const groups = [...form.querySelectorAll('.theme-group')];
  const radios = [...form.querySelectorAll('input[name="category"]')];
  bar.hidden = false;

  const change = form.querySelector('#change');

  // Once chosen by a tap, the one category is left and the page is short again; the keyboard walks on freely.
  function settle(on) {
    bar.classList.toggle('settled', on);
    for (const group of groups) group.classList.toggle('settled', on && !group.hidden);
    change.hidden = !on;
  }

  function showTheme(code) {
    bar.classList.toggle('chosen', Boolean(code));
    for (const tile of bar.children) tile.setAttribute('aria-pressed', String(tile.dataset.theme === code));
    for (const group of groups) group.hidden = group.dataset.theme !== code;
  }

  function choose(radio) {
    radio.checked = true;
    showTheme(radio.closest('.theme-group').dataset.theme);
    form.querySelector('#recents').hidden = true;
    onChoose(radio);
  }

  bar.addEventListener('click', (event) => {
    const tile = event.target.closest('[data-theme]');
    if (!tile) return;
    showTheme(tile.dataset.theme);
    form.querySelector(`#theme-${tile.dataset.theme}`).scrollIntoView({ block: 'nearest' });
  });
  for (const radio of radios) radio.addEventListener('change', () => choose(radio));
  for (const group of groups) {
    group.addEventListener('click', (event) => {
      if (event.detail > 0 && event.target.closest('.tile')) goOn();
    });
  }
  change.addEventListener('click', () => {
    settle(false);
    radios.find((radio) => radio.checked)?.focus();
  });

  function goOn() {
    settle(true);
    form.querySelector('#where').scrollIntoView({ block: 'start' });
  }

  const recent = setUpRecent(form, radios, texts, (radio) => {
    choose(radio);
    goOn();
  });
  const clear = () => {
    for (const radio of radios) radio.checked = false;
    settle(false);
    showTheme('');
    recent.show();
  };
  const checked = radios.find((radio) => radio.checked);
  if (checked) choose(checked);
  else showTheme('');
  recent.show();
  return {
    clear,
    choose: (code) => {
      const radio = radios.find((one) => one.value === code);
      if (radio) choose(radio);
      if (radio) settle(true);
    },
    remember: recent.remember,
  };
}

/** One tap for the category used last, and for those used most, by this person on this phone. */
function setUpRecent(form, radios, texts, choose) {
  const box = form.querySelector('#recents');
  let habits = { last: null, counts: {} };
  const read = draft(HABITS).then((kept) => { habits = kept ?? habits; }, () => {});

  const codes = () => {
    const often = Object.keys(habits.counts).sort((one, other) => habits.counts[other] - habits.counts[one]);
    return [...new Set([habits.last, ...often])].filter(Boolean).slice(0, MOST_RECENT);
  };

  async function show() {
    await read;
    const known = codes().map((code) => radios.find((radio) => radio.value === code)).filter(Boolean);
    box.hidden = known.length === 0 || radios.some((radio) => radio.checked);
    box.replaceChildren(...known.map((radio, index) => button(radio, index === 0)));
  }

  function button(radio, isLast) {
    const tile = Object.assign(document.createElement('button'), { type: 'button', className: 'tile tile-recent' });
    if (isLast) tile.id = 'recent';
    const words = document.createElement('span');
    const why = Object.assign(document.createElement('small'), { textContent: isLast ? texts.last : texts.often });
    words.append(why, radio.closest('label').textContent.trim());
    tile.append(makeIcon(`category-${radio.value}`), words);
    tile.addEventListener('click', () => choose(radio));
    return tile;
  }

  function remember(code) {
    habits = { last: code, counts: { ...habits.counts, [code]: (habits.counts[code] ?? 0) + 1 } };
    return keepDraft(HABITS, habits).catch(() => {}); // a phone that keeps nothing just has no shortcut
  }

  return { show, remember };
}
