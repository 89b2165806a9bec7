// The short text: phrases to tick before anything is typed, and what in it looks like a person, pointed out at once.

import { makeIcon } from './make-icon.js';
import { screen } from './report-screening.js';

const WAIT_MS = 350; // somebody is still writing

/** Make the text live. words: {phrases by theme, reasons}. Returns {showPhrases(theme), stops(), kept(), restore(kept), clear()}. */
export function setUpText(form, texts, words) {
  const field = form.elements.description;
  const phrases = setUpPhrases(form, field, words.phrases);
  const screening = setUpScreening(form, field, texts, words);
  field.addEventListener('input', () => phrases.press());
  return { showPhrases: phrases.show, ...screening, clear: () => { screening.clear(); phrases.press(); } };
}

// ── phrases ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function setUpPhrases(form, field, byTheme) {
  const box = form.querySelector('#phrases');

  const sentences = () => field.value.split(/\.\s*|\n/).map((one) => one.trim()).filter(Boolean);
  const press = () => {
    const said = sentences();
    for (const chip of box.children) chip.setAttribute('aria-pressed', String(said.includes(chip.textContent)));
  };

  function toggle(phrase) {
    const said = sentences();
    const left = said.includes(phrase) ? said.filter((one) => one !== phrase) : [...said, phrase];
    const text = left.length ? `${left.join('. ')}.` : '';
    if (text.length > field.maxLength) return;
    field.value = text;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }

  function show(theme) {
    box.replaceChildren(...[...(byTheme[theme] ?? []), ...byTheme['']].map((phrase) => {
      const chip = Object.assign(document.createElement('button'), { type: 'button', className: 'chip', textContent: phrase });
      chip.addEventListener('click', () => toggle(phrase));
      return chip;
    }));
    box.hidden = false;
    press();
  }

  return { show, press };
}

// ── screening ───────────────────────────────────────────────────────────────────────────────────────────────────────

function setUpScreening(form, field, texts, words) {
  const panel = form.querySelector('#screening');
  const list = panel.querySelector('#screening-list');
  const status = form.querySelector('#screening-status');
  let kept = new Set(); // "it is no person" is asked once a piece
  let timer = 0;

  const open = () => screen(field.value).filter((find) => find.certain || !kept.has(find.found));
  const reason = (find) => texts.screening_reason.replace('{found}', find.found).replace('{reason}', words.reasons[find.kind]);

  function show() {
    window.clearTimeout(timer);
    const finds = open();
    list.replaceChildren(...finds.map(line));
    panel.hidden = finds.length === 0;
    status.textContent = finds.map(reason).join(' ');
    return finds;
  }

  function line(find) {
    const item = document.createElement('li');
    const text = document.createElement('p');
    const [before, after] = texts.screening_reason.replace('{reason}', words.reasons[find.kind]).split('{found}');
    const mark = Object.assign(document.createElement('mark'), { textContent: find.found });
    text.append(before, mark, after);
    if (find.certain) text.append(' ', Object.assign(document.createElement('strong'), { textContent: texts.screening_must }));
    const row = Object.assign(document.createElement('div'), { className: 'row' });
    row.append(button(texts.screening_correct, 'ui-retry', () => select(find)));
    if (!find.certain) row.append(button(texts.screening_keep, 'ui-check', () => keep(find)));
    item.append(text, row);
    return item;
  }

  function button(text, icon, onClick) {
    const made = Object.assign(document.createElement('button'), { type: 'button', className: 'button' });
    made.append(makeIcon(icon), text);
    made.addEventListener('click', onClick);
    return made;
  }

  /** The piece is selected: the next letter, or dictation, takes its place. */
  function select({ found }) {
    const start = field.value.normalize('NFC').indexOf(found);
    if (field.value !== field.value.normalize('NFC')) field.value = field.value.normalize('NFC');
    field.focus();
    field.setSelectionRange(start, start + found.length);
  }

  function keep({ found }) {
    kept.add(found);
    if (show().length === 0) field.focus();
    field.dispatchEvent(new Event('change', { bubbles: true })); // the draft remembers it
  }

  field.addEventListener('input', () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(show, WAIT_MS);
  });

  return {
    /** Whether something must be decided before it is sent; then it is shown and has the focus. */
    stops: () => {
      const stopping = show().length > 0;
      if (stopping) {
        panel.focus();
        panel.scrollIntoView({ block: 'center' });
      }
      return stopping;
    },
    kept: () => [...kept],
    restore: (pieces = []) => {
      kept = new Set(pieces);
      show();
    },
    clear: () => {
      kept = new Set();
      show();
    },
  };
}
