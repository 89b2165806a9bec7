// Before and after, one over the other: the range says how much of "after" is shown.

const pair = document.querySelector('#pair');
if (pair) {
  const range = document.querySelector('#pair-range');
  const follow = () => {
    pair.style.setProperty('--shown', `${range.value}%`);
    range.setAttribute('aria-valuetext', range.dataset.text.replace('{num}', range.value));
  };
  pair.classList.add('ready');
  pair.querySelector('.pair-line').hidden = false;
  document.querySelector('#pair-slider').hidden = false;
  range.addEventListener('input', follow);
  follow();
}
