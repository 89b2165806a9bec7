// The round as it goes: the phone's position for an observation. Everything else is plain forms.

const form = document.querySelector('#observe-form');
const button = form?.querySelector('#locate');

if (button && navigator.geolocation) {
  const status = form.querySelector('#locate-status');
  const { lon, lat } = form.elements;
  button.hidden = false;
  button.addEventListener('click', () => {
    status.textContent = status.dataset.locating;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        lon.value = coords.longitude.toFixed(6);
        lat.value = coords.latitude.toFixed(6);
        status.textContent = status.dataset.located.replace('{metres}', Math.max(1, Math.round(coords.accuracy)));
      },
      (error) => {
        status.textContent = error.code === error.PERMISSION_DENIED ? status.dataset.denied : status.dataset.unavailable;
        form.querySelector('#coordinates').open = true;
      },
      { enableHighAccuracy: true, timeout: 15_000, maximumAge: 10_000 },
    );
  });
}
