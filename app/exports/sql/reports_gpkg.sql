-- Two columns a report: its geometry, and its fields in one text with U+001F between them, for app/exports/geopackage.py.
-- One text because nothing is faster; no field but the last, the description, can hold that character: codes, numbers and
-- times cannot by the schema's checks, from names and the source it is taken. The order is the dictionary's, but for the
-- description. Callers append WHERE.
-- The small tables are looked up as reports_geojson.sql does, and for its reason.
SELECT report.geom_4326, concat(
    report.id, category.fragment, report.severity, E'\x1f', report.state, E'\x1f', report.visibility, E'\x1f',
    replace(replace(concat(to_json(report.observed_at), E'\x1f', to_json(report.received_at), E'\x1f',
        to_json(report.due_at)), '+00:00"', ''), '"', ''),
    E'\x1f', responsible.name, E'\x1f', neighbourhood.name, E'\x1f', linked.name, E'\x1f', stop.name,
    E'\x1f', iris.name, E'\x1f', qpv.name, E'\x1f', CASE WHEN report.is_synthetic THEN '1' ELSE '0' END,
    E'\x1f', replace(report.source, E'\x1f', ''), E'\x1f', report.duplicate_of, E'\x1f', report.description)
FROM report
CROSS JOIN LATERAL (
    SELECT code, theme_code, kind,
        concat(E'\x1f', code, E'\x1f', theme_code, E'\x1f', kind, E'\x1f') AS fragment
    FROM category WHERE code = report.category_code OFFSET 0
) AS category
LEFT JOIN LATERAL (
    SELECT replace(name, E'\x1f', '') AS name FROM organisation WHERE id = report.organisation_id OFFSET 0
) AS responsible ON true
LEFT JOIN LATERAL (
    SELECT replace(name, E'\x1f', '') AS name FROM place WHERE id = report.neighbourhood_id OFFSET 0
) AS neighbourhood ON true
LEFT JOIN LATERAL (
    SELECT replace(name, E'\x1f', '') AS name FROM place WHERE id = report.place_id OFFSET 0
) AS linked ON true
LEFT JOIN LATERAL (
    SELECT replace(name, E'\x1f', '') AS name FROM place WHERE id = report.nearest_stop_id OFFSET 0
) AS stop ON true
LEFT JOIN LATERAL (
    SELECT replace(name, E'\x1f', '') AS name FROM place WHERE id = report.iris_id OFFSET 0
) AS iris ON true
LEFT JOIN LATERAL (
    SELECT replace(name, E'\x1f', '') AS name FROM place WHERE id = report.qpv_id OFFSET 0
) AS qpv ON true
