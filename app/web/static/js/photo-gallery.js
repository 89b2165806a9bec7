// The photos on a report's page: opened large with pointer or keyboard, and new ones sent as soon as they are chosen.

import { setUpPhotos } from './photo-field.js';

const links = [...document.querySelectorAll('.photo-open')];
const box = document.querySelector('#lightbox');
let at = 0;

function show(index) {
  at = (index + links.length) % links.length;
  const image = box.querySelector('img');
  image.src = links[at].href;
  image.alt = links[at].dataset.alt;
  box.querySelector('[role="status"]').textContent = links[at].dataset.alt;
}

for (const [index, link] of links.entries()) {
  link.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a window of its own, as with any link
    event.preventDefault();
    show(index);
    box.showModal();
    box.querySelector('[data-close]').focus();
  });
}
if (box) {
  for (const button of box.querySelectorAll('[data-step]')) {
    button.hidden = links.length < 2;
    button.addEventListener('click', () => show(at + Number(button.dataset.step)));
  }
  box.querySelector('[data-close]').addEventListener('click', () => box.close());
  box.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || links.length < 2) return;
    event.preventDefault();
    show(at + step);
  });
  box.addEventListener('close', () => links[at].focus());
}

const form = document.querySelector('#photo-add');
if (form) {
  const photos = setUpPhotos(form.querySelector('[data-photo-field]'), document.querySelector('#photo-uploads'), {
    most: Number(form.dataset.room),
    onChoose: async () => {
      if (await photos.uploadTo(form.dataset.upload)) window.location.reload();
    },
  });
}
