// The table beside the map: sorted by a click on a column's name; the order is kept when the filter changes.

let order = null;

function value(row, column) {
  const cell = row.cells[column];
  if (cell.classList.contains('number')) return cell.dataset.value === undefined ? -Infinity : Number(cell.dataset.value);
  return cell.textContent.trim();
}

function compare(one, other) {
  return typeof one === 'string' ? one.localeCompare(other, document.documentElement.lang) : one - other;
}

function sort(table) {
  const buttons = [...table.querySelectorAll('button.sort')];
  const column = buttons.findIndex((button) => button.dataset.sort === order.id);
  if (column < 0) return;
  const rows = [...table.tBodies[0].rows];
  const sign = order.descending ? -1 : 1;
  rows.sort((one, other) => sign * compare(value(one, column), value(other, column)));
  table.tBodies[0].append(...rows);
  buttons.forEach((button, index) => {
    const heading = button.closest('th');
    if (index === column) heading.setAttribute('aria-sort', order.descending ? 'descending' : 'ascending');
    else heading.removeAttribute('aria-sort');
  });
}

/** Sort by clicks from now on; `results` is the element whose content is replaced with each filter. */
export function sortByClick(results) {
  results.addEventListener('click', (event) => {
    const button = event.target.closest('button.sort');
    if (!button) return;
    const { sort: id } = button.dataset;
    // Numbers begin with the highest, names with A.
    const descending = order?.id === id ? !order.descending : id !== 'name';
    order = { id, descending };
    sort(button.closest('table'));
  });
}

/** Put a new table into the order that was chosen. */
export function keepOrder(results) {
  const table = results.querySelector('table');
  if (order && table) sort(table);
}
