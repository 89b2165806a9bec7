// The value at a place in words: by a click, or by Enter at the cross in the middle of the map.

const { L } = window;

// A map that was reached by the keyboard shows its cross; one that was clicked does not.
let byKeys = false;
document.addEventListener('keydown', () => { byKeys = true; }, { capture: true });
document.addEventListener('pointerdown', () => { byKeys = false; }, { capture: true });

/**
 * `views()`: [{map, query}] of all maps, whose values at one place are shown together. `url`: where the words come from.
 * `said`: the live region for those who do not see the map. `fail(text)`.
 */
export function sayValues({ views, url, said, fail, failed }) {
  let asked = 0;
  async function ask(latLng, { autoPan = true } = {}) {
    const mine = ++asked;
    const place = latLng.wrap();
    try {
      const texts = await Promise.all(views().map(({ query }) => words(url, query, place)));
      if (mine !== asked) return;
      views().forEach(({ map }, index) => {
        if (texts[index]) L.popup({ autoPan, maxWidth: 260 }).setLatLng(latLng).setContent(texts[index]).openOn(map);
      });
      // The same place asked for again is said again.
      said.textContent = '';
      requestAnimationFrame(() => { said.textContent = texts.map(plain).join(' ; '); });
    } catch {
      fail(failed);
    }
  }
  return {
    /** Listen to one more map. */
    listen(map) {
      const container = map.getContainer();
      map.on('click', ({ latlng }) => ask(latlng));
      const showCross = () => container.classList.toggle('by-keys', byKeys);
      container.addEventListener('focus', showCross);
      container.addEventListener('pointerdown', showCross);
      container.addEventListener('keydown', (event) => {
        if (event.target !== container) return;
        showCross();
        if (event.key !== 'Enter') return;
        event.preventDefault();
        ask(map.getCenter(), { autoPan: false });
      });
    },
    /** The value in the middle. */
    atCentre: (map) => ask(map.getCenter(), { autoPan: false }),
  };
}

async function words(url, query, place) {
  const parameters = new URLSearchParams(query);
  parameters.set('lon', place.lng.toFixed(6));
  parameters.set('lat', place.lat.toFixed(6));
  const answer = await fetch(`${url}?${parameters}`);
  // Far outside of France there is no value.
  if (answer.status === 400) return '';
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.text();
}

function plain(html) {
  const holder = document.createElement('template');
  holder.innerHTML = html;
  return [...holder.content.querySelectorAll('p')].map((line) => line.textContent.trim()).join(', ');
}
