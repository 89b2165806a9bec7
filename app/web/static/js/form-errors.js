// Messages at their fields and in the summary, as the server renders them without JavaScript.

let shown = []; // what is said now: {field, message, code, block, line, fieldset}

/** Take every message away. */
export function clearErrors(form) {
  drop(form, shown);
}

/** Takes what the server has rendered out of the page: {field, message, code}; `swapped` is the one code that it shows. */
export function renderedErrors(form) {
  const code = form.querySelector('#swap').hidden ? '' : 'swapped';
  const ofNoField = [...form.querySelectorAll('#error-summary li:not(:has(a))')].map(({ textContent: message }) => ({ field: '', message }));
  return ofNoField.concat([...form.querySelectorAll('p.error[id]')].map((paragraph) => {
    paragraph.remove();
    return { field: paragraph.id.replace(/-error\d*$/, ''), message: paragraph.textContent.trim(), code };
  }));
}

/** Show `errors` ({field, message, code}) and move the focus to the summary. */
export function showErrors(form, errors) {
  const summary = form.querySelector('#error-summary');
  const lines = new Map(); // lon and lat often say the same
  clearErrors(form);
  for (const error of errors) {
    const fieldset = mark(form, error);
    if (!lines.has(error.message)) lines.set(error.message, line(form, error));
    shown.push({ ...error, fieldset, line: lines.get(error.message) });
  }
  summary.querySelector('ul').replaceChildren(...lines.values());
  showSummary(form);
  summary.focus();
  summary.scrollIntoView({ block: 'center' });
}

/** Take away what is right again, as `isRight({field, code})` has it; with the last line the summary goes. */
export function dropRight(form, isRight) {
  const right = shown.filter(isRight);
  if (right.length) drop(form, right);
}

function drop(form, errors) {
  shown = shown.filter((error) => !errors.includes(error));
  for (const { field, block = field, line: item, fieldset } of errors) {
    if (!shown.some((other) => (other.block ?? other.field) === block)) unmark(form, block);
    if (!shown.some((other) => other.line === item)) item.remove();
    if (!shown.some((other) => other.fieldset === fieldset)) fieldset?.classList.remove('invalid');
  }
  showSummary(form);
}

function showSummary(form) {
  form.querySelector('#swap').hidden = !shown.some((error) => error.code === 'swapped');
  form.querySelector('#error-summary').hidden = shown.length === 0;
}

function line(form, { field, message, block }) {
  const item = document.createElement('li');
  const target = controlOf(form, block ?? field);
  if (!target) {
    item.textContent = message;
    return item;
  }
  const link = document.createElement('a');
  link.href = `#${target.id}`;
  link.textContent = message;
  link.addEventListener('click', (event) => {
    event.preventDefault();
    for (const details of form.querySelectorAll('details')) if (details.contains(target)) details.open = true;
    target.scrollIntoView({ block: 'center' });
    target.focus({ preventScroll: true });
  });
  item.append(link);
  return item;
}

const controlOf = (form, id) => form.querySelector(`[id="${CSS.escape(id)}"]`);

/** The field's message beside it, or once at the head of its block: the field itself may stay folded away. Returns the block. */
function mark(form, { field, message, block = field }) {
  const control = controlOf(form, block);
  const fieldset = control?.closest('.block');
  fieldset?.classList.add('invalid');
  const id = `${block}-error`;
  if (!control || controlOf(form, id)) return fieldset;
  const paragraph = Object.assign(document.createElement('p'), { className: 'error', id, textContent: message });
  if (control.matches('fieldset')) {
    control.setAttribute('aria-describedby', id);
    control.querySelector('div').prepend(paragraph);
    return fieldset;
  }
  control.closest('details')?.setAttribute('open', '');
  control.setAttribute('aria-invalid', 'true');
  describe(form, control, `${field}-hint`, id);
  (control.closest('.field') ?? control.parentElement).append(paragraph);
  return fieldset;
}

function unmark(form, field) {
  const control = controlOf(form, field);
  controlOf(form, `${field}-error`)?.remove();
  control?.removeAttribute('aria-invalid');
  if (control) describe(form, control, `${field}-hint`);
}

function describe(form, control, ...ids) {
  const there = ids.filter((id) => id.endsWith('-error') || controlOf(form, id));
  if (there.length) control.setAttribute('aria-describedby', there.join(' '));
  else control.removeAttribute('aria-describedby');
}
