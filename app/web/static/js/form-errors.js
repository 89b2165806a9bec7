// Messages at their fields and in the summary, as the server renders them without JavaScript.

/** Take every message away. */
export function clearErrors(form) {
  for (const message of form.querySelectorAll('p.error')) message.remove();
  for (const field of form.querySelectorAll('[aria-invalid]')) {
    field.removeAttribute('aria-invalid');
    field.removeAttribute('aria-describedby');
    const hint = form.querySelector(`#${field.id}-hint`);
    if (hint) field.setAttribute('aria-describedby', hint.id);
  }
  for (const block of form.querySelectorAll('.block.invalid')) block.classList.remove('invalid');
  form.querySelector('#error-summary').hidden = true;
}

/** Show `errors` ({field, message, code}) and move the focus to the summary. */
export function showErrors(form, errors) {
  const summary = form.querySelector('#error-summary');
  const said = new Set();
  const lines = [];
  for (const error of errors) {
    mark(form, error);
    if (said.has(error.message)) continue; // lon and lat often say the same
    said.add(error.message);
    lines.push(line(form, error));
  }
  summary.querySelector('ul').replaceChildren(...lines);
  summary.querySelector('#swap').hidden = !errors.some((error) => error.code === 'swapped');
  summary.hidden = false;
  summary.focus();
  summary.scrollIntoView({ block: 'center' });
}

function line(form, { field, message, block }) {
  const item = document.createElement('li');
  const target = form.querySelector(`[id="${CSS.escape(block ?? field)}"]`);
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

function mark(form, { field, message, block }) {
  const control = form.querySelector(`[id="${CSS.escape(field)}"]`);
  if (!control) return;
  const fieldset = control.closest('.block');
  fieldset?.classList.add('invalid');
  const paragraph = document.createElement('p');
  paragraph.className = 'error';
  paragraph.id = `${field}-error`;
  paragraph.textContent = message;
  if (control.matches('fieldset')) {
    control.querySelector('div').prepend(paragraph);
    return;
  }
  if (block) return; // the summary says it; the field itself may stay folded away
  control.closest('details')?.setAttribute('open', '');
  control.setAttribute('aria-invalid', 'true');
  control.setAttribute('aria-describedby', paragraph.id);
  (control.closest('.field') ?? control.parentElement).append(paragraph);
}
