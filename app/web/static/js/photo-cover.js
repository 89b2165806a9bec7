// Rectangles over faces and plates: drawn, moved and resized with pointer or keys. The table's fields are the truth.

const stage = document.querySelector('#cover-stage');
const overlay = document.querySelector('#cover-overlay');
const lines = document.querySelector('#cover-lines');
const template = document.querySelector('#cover-line');
const form = document.querySelector('#cover-form');
const texts = JSON.parse(document.querySelector('#cover-texts').textContent);
const NAMES = ['x_px', 'y_px', 'width_px', 'height_px'];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const WIDTH = Number(stage.dataset.width);
const HEIGHT = Number(stage.dataset.height);
const STEP_PX = Math.max(4, Math.round(Math.max(WIDTH, HEIGHT) / 100));
const LEAST_PX = 8;
const SVG = 'http://www.w3.org/2000/svg';
const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

const fieldsOf = (line) => NAMES.map((name) => line.querySelector(`[name="${name}"]`));
const read = (line) => fieldsOf(line).map((field) => Number(field.value || 0));

function write(line, [x, y, width, height]) {
  const w = clamp(Math.round(width), LEAST_PX, WIDTH);
  const h = clamp(Math.round(height), LEAST_PX, HEIGHT);
  const values = [clamp(Math.round(x), 0, WIDTH - w), clamp(Math.round(y), 0, HEIGHT - h), w, h];
  fieldsOf(line).forEach((field, index) => { field.value = values[index]; });
  draw(line);
}

function draw(line) {
  const [x, y, width, height] = read(line);
  for (const [name, value] of Object.entries({ x, y, width, height })) line.area.setAttribute(name, value);
  const side = Math.max(WIDTH, HEIGHT) / 45;
  const handle = { x: x + width - side / 2, y: y + height - side / 2, width: side, height: side };
  for (const [name, value] of Object.entries(handle)) line.handle.setAttribute(name, value);
}

function number() {
  lines.closest('.scroll').hidden = lines.rows.length === 0;
  [...lines.rows].forEach((line, index) => {
    line.querySelector('th').textContent = index + 1;
    line.area?.setAttribute('aria-label', texts.rectangle.replace('{number}', index + 1));
  });
}

function bring(line) {
  line.area = document.createElementNS(SVG, 'rect');
  line.area.setAttribute('class', 'cover-area');
  line.area.setAttribute('tabindex', '0');
  line.area.setAttribute('role', 'img');
  line.handle = document.createElementNS(SVG, 'rect');
  line.handle.setAttribute('class', 'cover-handle');
  overlay.append(line.area, line.handle);
  line.querySelector('[data-remove]').hidden = false;
  line.querySelector('[data-remove]').addEventListener('click', () => drop(line));
  line.area.addEventListener('keydown', (event) => onKey(event, line));
  line.area.addEventListener('pointerdown', (event) => drag(event, line, move));
  line.handle.addEventListener('pointerdown', (event) => drag(event, line, resize));
  for (const field of fieldsOf(line)) field.addEventListener('input', () => draw(line));
  number();
  return line;
}

function addLine(values) {
  lines.append(template.content.cloneNode(true));
  const line = bring(lines.lastElementChild);
  write(line, values);
  return line;
}

function drop(line) {
  const next = line.nextElementSibling ?? line.previousElementSibling;
  line.area.remove();
  line.handle.remove();
  line.remove();
  number();
  (next?.area ?? document.querySelector('#cover-new')).focus();
}

function onKey(event, line) {
  const direction = ARROWS[event.key];
  if (event.key === 'Delete' || event.key === 'Backspace') {
    event.preventDefault();
    drop(line);
  }
  if (!direction) return;
  event.preventDefault();
  const [x, y, width, height] = read(line);
  const [dx, dy] = direction.map((part) => part * STEP_PX);
  write(line, event.shiftKey ? [x, y, width + dx, height + dy] : [x + dx, y + dy, width, height]);
}

function at(event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(overlay.getScreenCTM().inverse());
  return [clamp(point.x, 0, WIDTH), clamp(point.y, 0, HEIGHT)];
}

const move = ([x, y, width, height], [dx, dy]) => [x + dx, y + dy, width, height];
const resize = ([x, y, width, height], [dx, dy]) => [x, y, width + dx, height + dy];
const stretch = ([x, y], [dx, dy]) => [Math.min(x, x + dx), Math.min(y, y + dy), Math.abs(dx), Math.abs(dy)];

function drag(event, line, change, onEnd) {
  event.preventDefault();
  event.stopPropagation();
  const from = at(event);
  const before = read(line);
  line.area.focus({ preventScroll: true });
  overlay.setPointerCapture(event.pointerId);
  const follow = (moved) => {
    const to = at(moved);
    write(line, change(before, [to[0] - from[0], to[1] - from[1]]));
  };
  const end = () => {
    overlay.removeEventListener('pointermove', follow);
    onEnd?.();
  };
  overlay.addEventListener('pointermove', follow);
  overlay.addEventListener('pointerup', end, { once: true });
  overlay.addEventListener('pointercancel', end, { once: true });
}

overlay.addEventListener('pointerdown', (event) => {
  if (event.button !== 0) return;
  const [x, y] = at(event);
  const line = addLine([x, y, LEAST_PX, LEAST_PX]);
  fieldsOf(line).slice(0, 2).forEach((field, index) => { field.value = Math.round([x, y][index]); });
  drag(event, line, stretch, () => {
    const [, , width, height] = read(line);
    if (width <= LEAST_PX && height <= LEAST_PX) drop(line); // a tap is no rectangle
  });
});

const more = document.querySelector('#cover-new');
more.hidden = false;
more.addEventListener('click', () => {
  const width = WIDTH / 5;
  const height = HEIGHT / 5;
  addLine([(WIDTH - width) / 2, (HEIGHT - height) / 2, width, height]).area.focus();
});
form.addEventListener('submit', (event) => {
  const summary = document.querySelector('#error-summary');
  if (lines.rows.length) return;
  event.preventDefault();
  const item = document.createElement('li');
  item.textContent = texts.draw;
  summary.querySelector('ul').replaceChildren(item);
  summary.hidden = false;
  summary.focus();
});

// Lines that came back with an error stay; the empty ones were for readers without JavaScript.
for (const line of [...lines.rows]) {
  if (fieldsOf(line).every((field) => field.value === '')) line.remove();
}
overlay.removeAttribute('hidden');
for (const line of lines.rows) draw(bring(line));
number();
