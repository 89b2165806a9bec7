// The outbox's own forms: what a passage or a confirmation says is corrected where it waits. A report has its own form.

const CHOICES = {
  passage: { name: 'outcome', values: ['nothing', 'found'] },
  confirmation: { name: 'seen', values: ['there', 'gone'] },
};

export const isEditable = (item) => item.kind in CHOICES;

/** A form of what `body` says. `onSave(body)` gets the corrected one. */
export function editForm({ id, kind, body }, texts, onSave) {
  const { name, values } = CHOICES[kind];
  const form = Object.assign(document.createElement('form'), { className: 'outbox-edit' });
  const choices = document.createElement('fieldset');
  choices.append(Object.assign(document.createElement('legend'), { textContent: texts.what }));
  for (const value of values) {
    const label = Object.assign(document.createElement('label'), { className: 'choice' });
    const radio = Object.assign(document.createElement('input'), { type: 'radio', name, value, checked: body[name] === value });
    label.append(radio, texts[`${name}_${value}`]);
    choices.append(label);
  }
  form.append(choices);
  if (kind === 'passage') form.append(...noteField(id, body.note ?? '', texts));
  form.append(Object.assign(document.createElement('button'), { className: 'button primary', textContent: texts.save }));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    onSave(corrected(kind, body, new FormData(form)));
  });
  return form;
}

function noteField(id, value, texts) {
  const label = Object.assign(document.createElement('label'), { className: 'label', textContent: texts.note, htmlFor: `note-${id}` });
  const note = Object.assign(document.createElement('textarea'), { id: label.htmlFor, name: 'note', rows: 2, maxLength: 500, value });
  return [label, note];
}

function corrected(kind, body, data) {
  if (kind === 'confirmation') return { ...body, seen: data.get('seen') };
  const { reports, ...rest } = body;
  const outcome = data.get('outcome');
  const found = outcome === 'found' && reports ? { reports } : {}; // where nothing was found nothing is reported
  return { ...rest, ...found, outcome, note: data.get('note').trim() || null };
}
