// The periods of the filter: presets, and a second period to compare with. Days are ISO texts, both ends inclusive.

const DAY_MS = 86_400_000;
const USUAL_DAYS = 90;

const days = (iso) => Date.parse(`${iso}T12:00:00Z`) / DAY_MS;
const iso = (day) => new Date(day * DAY_MS).toISOString().slice(0, 10);

function yearEarlier(day) {
  const [year, month, date] = day.split('-');
  return `${Number(year) - 1}-${month}-${month === '02' && date === '29' ? '28' : date}`;
}

export class Periods {
  /** `changed()`: something was chosen. `drawn()`: the days that the picture stands for, {from, to}. */
  constructor(form, { changed, drawn }) {
    this.form = form;
    this.changed = changed;
    this.drawn = drawn;
    this.box = document.getElementById('compare');
    this.fields = document.getElementById('second-fields');
    this.inputs = ['from2', 'to2'].map((name) => form.elements[name]);
    this.isByQuarters = form.elements.from.tagName === 'SELECT';
    this.today = form.querySelector('[data-today]').dataset.today;
    for (const presets of form.querySelectorAll('.presets')) {
      presets.hidden = false;
      presets.addEventListener('click', (event) => this.#preset(event.target.dataset));
    }
    this.box.addEventListener('change', () => {
      this.toggle(this.box.checked);
      if (this.box.checked) this.#suggest('before');
      changed();
    });
    this.toggle(this.inputs[0].value !== '');
  }

  get isCompared() { return this.box.checked; }

  /** Switch the second period on or off, without drawing. */
  toggle(isOn) {
    this.box.checked = isOn;
    this.fields.hidden = !isOn;
    for (const input of this.inputs) {
      input.disabled = !isOn;
      input.required = isOn;
    }
    this.check();
  }

  /** Let the browser refuse an end before its start. */
  check() {
    for (const [first, last] of [['from', 'to'], ['from2', 'to2']]) {
      const { [first]: from, [last]: to } = this.form.elements;
      if (this.isByQuarters) to.setCustomValidity(from.value && to.value && to.value < from.value ? document.getElementById('map-texts').dataset.order : '');
      else to.min = from.value;
    }
  }

  #set(names, from, to) {
    this.form.elements[names[0]].value = from;
    this.form.elements[names[1]].value = to;
    this.check();
  }

  #preset({ days: length, quarters, second }) {
    if (second) this.#suggest(second);
    else if (quarters) this.#set(['from', 'to'], this.#quarter(Number(quarters) - 1).from, this.#quarter(0).to);
    else if (length) this.#set(['from', 'to'], iso(days(this.today) - Number(length) + 1), this.today);
    else if (length === '') this.#set(['from', 'to'], '', '');
    else return;
    this.changed();
  }

  /** The n-th quarter that can be chosen, the latest first. */
  #quarter(n) {
    const value = (name) => {
      const options = [...this.form.elements[name].options].slice(1);
      return options[Math.min(n, options.length - 1)].value;
    };
    return { from: value('from'), to: value('to') };
  }

  #suggest(which) {
    if (this.isByQuarters) return this.#suggestQuarters();
    const { from, to } = this.#first();
    if (which === 'year') return this.#set(['from2', 'to2'], yearEarlier(from), yearEarlier(to));
    const length = days(to) - days(from) + 1;
    return this.#set(['from2', 'to2'], iso(days(from) - length), iso(days(from) - 1));
  }

  /** The first period; when it is open, the last 90 days are chosen. */
  #first() {
    const { from, to } = this.form.elements;
    const last = to.value || this.today;
    this.#set(['from', 'to'], from.value || iso(days(last) - USUAL_DAYS + 1), last);
    return { from: from.value, to: to.value };
  }

  #suggestQuarters() {
    const { from, to } = this.form.elements;
    // The quarter that has just begun says little: the last whole one and the one before it.
    if (!from.value) this.#set(['from', 'to'], this.#quarter(1).from, this.#quarter(1).to);
    const place = (field) => Math.max(0, [...field.options].findIndex(({ value }) => value === field.value) - 1);
    const length = place(from) - place(to) + 1;
    this.#set(['from2', 'to2'], this.#quarter(place(from) + length).from, this.#quarter(place(from) + 1).to);
  }
}
