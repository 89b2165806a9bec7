-- Reports of one theme within some metres of a point. The squares that the circle touches find them by index, also under
-- row-level security; the distance on EPSG:2154 then decides. Callers append conditions, ORDER BY and LIMIT.
WITH point AS MATERIALIZED (
    SELECT ST_Transform(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 2154) AS geom_2154
)
SELECT
    report.id, report.category_code AS category, report.state, report.visibility, report.observed_at,
    (SELECT name FROM organisation WHERE id = report.organisation_id) AS organisation,
    ST_Distance(ST_Transform(report.geom_4326, 2154), point.geom_2154) AS distance_m
FROM unnest(CAST(:cells AS bigint[])) AS square (cell_25m)
JOIN report ON report.cell_25m = square.cell_25m
JOIN category ON category.code = report.category_code
CROSS JOIN point
WHERE category.theme_code = :theme
    AND ST_DWithin(ST_Transform(report.geom_4326, 2154), point.geom_2154, :distance_m)
