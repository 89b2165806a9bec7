-- What was reported of one theme within some metres of a point in a period (see near.sql).
WITH point AS MATERIALIZED (
    SELECT ST_Transform(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 2154) AS geom_2154
)
SELECT count(*) AS reports, min(report.observed_at) AS first_at, max(report.observed_at) AS last_at,
    count(*) FILTER (WHERE report.state = ANY (:open_states)) AS still_open,
    mode() WITHIN GROUP (ORDER BY report.category_code) AS category,
    (SELECT name FROM place WHERE id = mode() WITHIN GROUP (ORDER BY report.place_id)) AS place,
    (SELECT name FROM place WHERE id = mode() WITHIN GROUP (ORDER BY report.nearest_stop_id)) AS nearest_stop,
    (SELECT name FROM place WHERE id = mode() WITHIN GROUP (ORDER BY report.neighbourhood_id)) AS neighbourhood
FROM unnest(CAST(:cells AS bigint[])) AS square (cell_25m)
JOIN report ON report.cell_25m = square.cell_25m
JOIN category ON category.code = report.category_code
CROSS JOIN point
WHERE category.theme_code = :theme
    AND report.observed_at >= :start AND report.observed_at < :end
    AND report.state <> ALL (:withdrawn)
    AND (CAST(:organisation_id AS integer) IS NULL OR report.organisation_id = :organisation_id)
    AND ST_DWithin(ST_Transform(report.geom_4326, 2154), point.geom_2154, :distance_m)
