// One of our icons, for what scripts draw.

/** An <svg> of icons.svg, hidden from screen readers: the words beside it say what it means. */
export function makeIcon(name) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  made.setAttribute('class', 'icon');
  made.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `/static/icons.svg#${name}`);
  made.append(use);
  return made;
}
