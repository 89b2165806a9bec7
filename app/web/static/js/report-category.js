// What: a theme, then a category, two taps; the one used last stands first.

const LAST_USED = 'quietude.category';

/** Make the "What?" block live. `onChoose(radio)` runs when a category is chosen. Returns {clear()}. */
export function setUpCategories(form, onChoose) {
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
    form.querySelector('#recent').hidden = true;
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

  const recent = setUpRecent(form, radios, (radio) => {
    choose(radio);
    goOn();
  });
  const clear = () => {
    for (const radio of radios) radio.checked = false;
    settle(false);
    showTheme('');
    recent();
  };
  const checked = radios.find((radio) => radio.checked);
  if (checked) choose(checked);
  else showTheme('');
  recent();
  return { clear };
}

/** One tap for the category used last on this device. Returns a function that looks again. */
function setUpRecent(form, radios, choose) {
  const button = form.querySelector('#recent');
  let last = null;
  button.addEventListener('click', () => last && choose(last));
  return () => {
    const code = recall();
    last = radios.find((radio) => radio.value === code) ?? null;
    button.hidden = !last || radios.some((radio) => radio.checked);
    if (!last) return;
    button.querySelector('[data-name]').textContent = last.closest('label').textContent.trim();
    button.querySelector('use').setAttribute('href', `/static/icons.svg#category-${last.value}`);
  };
}

export function remember(code) {
  try {
    window.localStorage.setItem(LAST_USED, code);
  } catch {
    // A browser that keeps nothing just has no shortcut.
  }
}

function recall() {
  try {
    return window.localStorage.getItem(LAST_USED);
  } catch {
    return null;
  }
}
