// How far and in which direction: plain geometry for what is within a walk. Nothing of the page.

const RADIUS_M = 6_371_008.8; // of a sphere as large as the earth (IUGG mean); within a walk right to less than a metre

/** {east, north} in metres from one point to another, {lon, lat} in degrees. */
export function offset(from, to) {
  const perDegree = (Math.PI / 180) * RADIUS_M;
  return {
    east: (to.lon - from.lon) * perDegree * Math.cos((from.lat * Math.PI) / 180),
    north: (to.lat - from.lat) * perDegree,
  };
}

/** The nearest first: each with `distance_m` and `direction` (0 north, 2 east… of eight). */
export function byDistance(here, things) {
  return things.map((thing) => {
    const { east, north } = offset(here, thing);
    return { ...thing, distance_m: Math.hypot(east, north), direction: (Math.round((Math.atan2(east, north) / (2 * Math.PI)) * 8) + 8) % 8 };
  }).sort((one, other) => one.distance_m - other.distance_m || (one.id < other.id ? -1 : 1));
}

/** "120 m" or "1,4 km", rounded to what somebody can walk by. */
export function distanceText(metres, texts, locale) {
  if (metres < 1000) return texts.metres.replace('{metres}', Math.round(metres < 100 ? metres : Math.round(metres / 10) * 10));
  return texts.kilometres.replace('{km}', (metres / 1000).toLocaleString(locale, { maximumFractionDigits: 1 }));
}
