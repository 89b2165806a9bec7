// Signing out while something waits: said first, with a way to send it.

/** Resolves to send | leave | stay. */
export function ask(count) {
  const dialog = document.querySelector('#leave-dialog');
  dialog.querySelector('[data-count]').textContent = dialog.dataset[count === 1 ? 'one' : 'many'].replace('{count}', count);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue || 'stay'), { once: true });
  });
}
