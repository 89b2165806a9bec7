-- One GeoJSON feature a row, six digits (about 10 cm), rings the way RFC 7946 wants them (lines as they are: the function
-- would turn them around).
SELECT json_build_object(
    'type', 'Feature',
    'id', place.id,
    'geometry', ST_AsGeoJSON(
        CASE ST_Dimension(shape.geom) WHEN 2 THEN ST_ForcePolygonCCW(shape.geom) ELSE shape.geom END, 6)::json,
    'properties', json_build_object(
        'id', place.id, 'code', place.code, 'name', place.name, 'kind', place.kind,
        'approximate', place.approximate, 'territory', place.is_territory,
        'short_name', place.attributes -> 'short_name', 'colour', place.attributes -> 'colour')
)::text
FROM place
CROSS JOIN LATERAL (SELECT CASE WHEN :simplify_m > 0 THEN ST_SimplifyPreserveTopology(
    place.geom_4326, CAST(:simplify_m AS double precision) / 111320.0) ELSE place.geom_4326 END AS geom) AS shape
WHERE place.kind = :kind AND place.closed_at IS NULL
  AND (CAST(:west AS double precision) IS NULL
       OR place.geom_4326 && ST_MakeEnvelope(:west, :south, :east, :north, 4326))
ORDER BY place.code
LIMIT :most
