// What the address of the form says beforehand. The server fills it in; in a page from the phone's memory nobody has.

const NAMES = ['id', 'lon', 'lat', 'place_id'];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ROUND = /^\/patrols\/[0-9a-f-]{36}$/; // the one page that such an address leads back to

/** Fill the form, and show the way back, when this page has nobody in it. */
export function fillFromAddress(form, way) {
  if (document.querySelector('meta[name="quietude-account"]')) return;
  const said = new URLSearchParams(location.search);
  for (const name of NAMES) {
    const value = said.get(name) ?? '';
    if (value && (name !== 'id' || UUID.test(value))) form.elements[name].value = value;
  }
  const back = said.get('return') ?? '';
  if (!ROUND.test(back)) return;
  way.back.href = back;
  way.back.hidden = false;
  for (const other of way.others) other.hidden = true;
}
