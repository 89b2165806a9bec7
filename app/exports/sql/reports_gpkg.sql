-- Two columns a report: its geometry, and its fields in one text with U+001F between them, for app/exports/geopackage.py.
-- One text because nothing is faster; no field but the last, the description, can hold that character: codes, numbers and
-- times cannot by the schema's checks, from names and the source it is taken. The order is the dictionary's, but for the
-- description. Callers append WHERE.
WITH category AS MATERIALIZED (
    SELECT code, theme_code, concat(E'\x1f', code, E'\x1f', theme_code, E'\x1f', kind, E'\x1f') AS fragment FROM category
), responsible AS MATERIALIZED (
    SELECT id, replace(name, E'\x1f', '') AS name FROM organisation
), place AS MATERIALIZED (
    SELECT id, replace(name, E'\x1f', '') AS name FROM place
)
SELECT report.geom_4326, concat(
    report.id, category.fragment, report.severity, E'\x1f', report.state, E'\x1f', report.visibility, E'\x1f',
    replace(replace(concat(to_json(report.observed_at), E'\x1f', to_json(report.received_at), E'\x1f',
        to_json(report.due_at)), '+00:00"', ''), '"', ''),
    E'\x1f', responsible.name, E'\x1f', neighbourhood.name, E'\x1f', linked.name, E'\x1f', stop.name,
    E'\x1f', iris.name, E'\x1f', qpv.name, E'\x1f', CASE WHEN report.is_synthetic THEN '1' ELSE '0' END,
    E'\x1f', replace(report.source, E'\x1f', ''), E'\x1f', report.duplicate_of, E'\x1f', report.description)
FROM report
JOIN category ON category.code = report.category_code
LEFT JOIN responsible ON responsible.id = report.organisation_id
LEFT JOIN place AS neighbourhood ON neighbourhood.id = report.neighbourhood_id
LEFT JOIN place AS linked ON linked.id = report.place_id
LEFT JOIN place AS stop ON stop.id = report.nearest_stop_id
LEFT JOIN place AS iris ON iris.id = report.iris_id
LEFT JOIN place AS qpv ON qpv.id = report.qpv_id
