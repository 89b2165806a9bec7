// The map page: filters redraw without a reload and live in the URL; vectors and points come from their own addresses.
import { nameControls } from "./map-words.js";

const { map, heat } = window.quietudeMap;
nameControls(map);
const form = document.getElementById("map-filter");
const results = document.getElementById("map-results");
const state = document.getElementById("map-state");
const legend = document.getElementById("legend");
const POINTS_FROM_ZOOM = 15;

function filterQuery() {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) query.set(name, value);
  return query;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function say(text) {
  state.textContent = text;
}

// The latest request wins: an answer that comes late must not overwrite a newer one.
let running = null;
async function redraw({ push = true } = {}) {
  const query = filterQuery();
  if (push) history.pushState(null, "", `${form.action}?${query}`);
  running?.abort();
  const request = (running = new AbortController());
  heat.setUrl(`${results.dataset.tilesUrl}?${query}`);
  say(results.dataset.loading);
  try {
    const answer = await fetch(`${results.dataset.url}?${query}`, { signal: request.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    results.innerHTML = await answer.text();
    showLegend();
    say("");
  } catch (error) {
    if (error.name !== "AbortError") say(results.dataset.failed);
  }
  loadPoints();
}

// The map carries a copy of the legend's classes, so that the picture says what it means on its own.
function showLegend() {
  const classes = document.querySelector("#legend-text .legend-classes");
  const unit = document.querySelector("#legend-text .legend-unit");
  legend.replaceChildren(...[unit, classes].filter(Boolean).map((part) => part.cloneNode(true)));
  legend.hidden = !classes;
}

function readUrl() {
  const query = new URLSearchParams(location.search);
  for (const field of form.elements) {
    if (!field.name) continue;
    field.value = query.get(field.name) ?? (field.tagName === "SELECT" ? field.querySelector("[selected]")?.value ?? field.options[0].value : "");
  }
}

form.addEventListener("submit", (event) => { event.preventDefault(); redraw(); });
form.addEventListener("change", (event) => {
  if (event.target.name === "theme" && form.elements.category) form.elements.category.value = "";
  if (form.checkValidity()) redraw();
});
addEventListener("popstate", () => { readUrl(); redraw({ push: false }); });

const presets = form.querySelector(".presets");
presets.hidden = false;
presets.addEventListener("click", (event) => {
  const days = event.target.dataset.days;
  if (days === undefined) return;
  const today = new Date(`${presets.dataset.today}T12:00:00Z`);
  const start = new Date(today.getTime() - (Number(days) - 1) * 86_400_000);
  form.elements.from.value = days ? start.toISOString().slice(0, 10) : "";
  form.elements.to.value = days ? presets.dataset.today : "";
  redraw();
});

// --- vectors: the commune, the neighbourhoods, the bus lines ---
map.createPane("vectors").style.zIndex = 350;
async function addVectors(kind, style, { outline = false } = {}) {
  const answer = await fetch(`${results.dataset.placesUrl}${kind}.geojson`);
  if (!answer.ok) throw new Error(String(answer.status));
  const layer = L.geoJSON(await answer.json(), {
    pane: "vectors",
    interactive: false,
    style,
    pointToLayer: (feature, latLng) => L.circleMarker(latLng, { ...style(feature), radius: 3 }),
    onEachFeature: (feature, shape) => {
      if (!outline) return;
      const suffix = feature.properties.approximate ? ` (${results.dataset.approximate})` : "";
      shape.bindTooltip(feature.properties.name + suffix, { permanent: true, direction: "center", className: "place-name" });
    },
  });
  layer.addTo(map);
}

function showNames() {
  map.getContainer().classList.toggle("names", map.getZoom() >= 14);
}

async function drawVectors() {
  const ink = colour("--ink") || "#22313a";
  const accent = colour("--accent") || "#0f6b6b";
  await addVectors("commune", () => ({ color: ink, weight: 1.5, fill: false }));
  await addVectors("neighbourhood", (feature) => ({ color: ink, weight: 0.8, opacity: 0.55, fill: false, dashArray: feature.properties.approximate ? "4 4" : null }), { outline: true });
  await addVectors("line", (feature) => ({ color: feature.properties.colour || accent, weight: 1.2, opacity: 0.5 }));
  await addVectors("stop", () => ({ color: accent, weight: 1, opacity: 0.8, fillOpacity: 0.6 }));
  showNames();
}

// --- points: single reports, for those who may see them, from the zoom where they can be told apart ---
const points = L.layerGroup().addTo(map);
let pointsRunning = null;
async function loadPoints() {
  const url = results.dataset.reportsUrl;
  pointsRunning?.abort();
  if (!url) return;
  if (map.getZoom() < POINTS_FROM_ZOOM) { points.clearLayers(); return; }
  const request = (pointsRunning = new AbortController());
  const box = map.getBounds();
  const query = filterQuery();
  query.delete("bandwidth");
  query.set("bbox", [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()].map((n) => n.toFixed(6)).join(","));
  try {
    const answer = await fetch(`${url}?${query}`, { signal: request.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    const found = await answer.json();
    points.clearLayers();
    for (const feature of found.features) {
      const [lon, lat] = feature.geometry.coordinates;
      const link = document.createElement("a");
      link.href = `/reports/${feature.id}`;
      link.textContent = feature.properties.label;
      L.circleMarker([lat, lon], { radius: 6, weight: 2, color: "#ffffff", fillColor: colour("--accent") || "#0f6b6b", fillOpacity: 0.95 })
        .bindPopup(link).addTo(points);
    }
    say(found.truncated ? results.dataset.truncated : "");
  } catch (error) {
    if (error.name !== "AbortError") say(results.dataset.failed);
  }
}
map.on("moveend", loadPoints);
map.on("zoomend", showNames);

// --- a click says the value in words ---
map.on("click", async ({ latlng }) => {
  const place = latlng.wrap();
  const query = filterQuery();
  query.set("lon", place.lng.toFixed(6));
  query.set("lat", place.lat.toFixed(6));
  try {
    const answer = await fetch(`${results.dataset.pointUrl}?${query}`);
    if (!answer.ok) return;
    L.popup().setLatLng(latlng).setContent(await answer.text()).openOn(map);
  } catch {
    say(results.dataset.failed);
  }
});

document.documentElement.classList.add("scripted");
showLegend();
drawVectors().then(loadPoints, () => say(results.dataset.failed));
document.getElementById("map-apply").hidden = true;
if (matchMedia("(max-width: 50rem)").matches) form.closest("details").open = false;
