// The map page's address: the filter as its form has it, and what else a shared link keeps.

/** What tiles, legend, table and values know. */
const HEAT_KEYS = ['theme', 'category', 'from', 'to', 'state', 'severity', 'organisation', 'bandwidth', 'measure', 'exposure', 'half_life', 'against'];
/** What vector tiles know. */
const REPORT_KEYS = ['theme', 'category', 'from', 'to', 'state', 'severity', 'organisation'];
/** Parameters that only say what is usual anyway. */
const USUAL = { measure: 'count', bandwidth: '150', half_life: '90', against: 'before', by: 'neighbourhood' };
/** A measure's own parameters. */
const OF_MEASURE = { exposure: 'per_exposure', half_life: 'weighted', against: 'change' };

/** The form as parameters: ticked boxes of one name as a list, nothing that is empty or usual. */
export function formQuery(form) {
  const lists = new Map();
  for (const [name, value] of new FormData(form)) {
    if (value) lists.set(name, [...(lists.get(name) ?? []), value]);
  }
  const query = new URLSearchParams();
  for (const [name, values] of lists) {
    const value = values.join(',');
    const ofAnother = OF_MEASURE[name] && form.elements.measure.value !== OF_MEASURE[name];
    if (value !== USUAL[name] && !ofAnother) query.set(name, value);
  }
  return query;
}

/** Fill the form with parameters; whatever they do not name gets its usual value. */
export function fillForm(form, query) {
  for (const field of form.elements) {
    if (!field.name) continue;
    const value = query.get(field.name) ?? USUAL[field.name] ?? '';
    if (field.type === 'checkbox') field.checked = value.split(',').includes(field.value);
    else if (field.tagName === 'SELECT') choose(field, value);
    else field.value = value;
  }
}

function choose(select, value) {
  const found = [...select.options].findIndex((option) => option.value === value);
  select.selectedIndex = Math.max(0, found);
}

const only = (query, keys) => new URLSearchParams([...query].filter(([name]) => keys.includes(name)));

/** The part that the heat knows; `more` replaces some of it. */
export function heatQuery(query, more = {}) {
  const heat = only(query, HEAT_KEYS);
  for (const [name, value] of Object.entries(more)) if (value) heat.set(name, value);
  return heat;
}

/** The part that lists of reports know; `more` replaces some of it. */
export function reportQuery(query, more = {}) {
  const reports = only(query, REPORT_KEYS);
  for (const name of ['from', 'to']) if (more[name]) reports.set(name, more[name]);
  return reports;
}

/** The first picture's and, where two periods are compared, the second one's days. */
export function periods(query) {
  const first = { from: query.get('from') ?? '', to: query.get('to') ?? '' };
  const second = { from: query.get('from2'), to: query.get('to2') };
  return second.from && second.to ? [first, second] : [first];
}

/** Commas stay readable in the address. */
export const written = (query) => query.toString().replaceAll('%2C', ',');

/** Put the parameters into the address bar; `push`: as a page of its own for the back button. */
export function remember(path, query, { push }) {
  const address = query.size ? `${path}?${written(query)}` : path;
  if (address === location.pathname + location.search) return;
  history[push ? 'pushState' : 'replaceState'](null, '', address);
}
