// Leaflet names its buttons in English; the page says them in the reader's language (the macro map_words).

export function nameControls(map) {
  const words = document.getElementById('map-words').dataset;
  const name = (selector, text) => {
    for (const control of map.getContainer().querySelectorAll(selector)) {
      control.title = text;
      control.setAttribute('aria-label', text);
    }
  };
  name('.leaflet-control-zoom-in', words.zoomIn);
  name('.leaflet-control-zoom-out', words.zoomOut);
  map.on('popupopen', () => name('.leaflet-popup-close-button', words.close));
}
