-- One line of text a report: a comma and a GeoJSON feature (RFC 7946) with the contract's properties in their order.
-- The text is put together here because nothing is faster; what may hold any character goes through to_json, the
-- rest is codes, numbers and times, whose alphabet the schema's checks hold. Callers append WHERE.
-- No author is among the columns. The small tables are looked up a row at a time, and the fragments made of them are
-- kept (Memoize): a join that hashes or sorts the reports first would hold the first row back until the last was read,
-- and whether the planner takes one depends on statistics of tables too small to have any (docs/decisions/0027).
-- OFFSET 0 keeps the subqueries as they stand.
-- Coordinates: seven decimals (one centimetre), whatever the column holds.
SELECT concat(
    ',{"type":"Feature","id":"', report.id, '","geometry":{"type":"Point","coordinates":[',
    round(ST_X(report.geom_4326) * 1e7) / 1e7, ',', round(ST_Y(report.geom_4326) * 1e7) / 1e7,
    ']},"properties":{"id":"', report.id, category.fragment, report.severity,
    ',"state":"', report.state, '","visibility":"', report.visibility,
    replace(concat('","observed_at":', to_json(report.observed_at), ',"received_at":', to_json(report.received_at),
        ',"due_at":', coalesce(to_json(report.due_at), 'null')), '+00:00"', 'Z"'),
    ',"organisation":', coalesce(responsible.name, 'null'),
    ',"neighbourhood":', coalesce(neighbourhood.name, 'null'),
    ',"description":', coalesce(to_json(report.description), 'null'),
    ',"place":', coalesce(linked.name, 'null'),
    ',"nearest_stop":', coalesce(stop.name, 'null'),
    ',"iris":', coalesce(iris.name, 'null'),
    ',"qpv":', coalesce(qpv.name, 'null'),
    ',"is_synthetic":', CASE WHEN report.is_synthetic THEN 'true' ELSE 'false' END,
    ',"source":', to_json(report.source),
    ',"duplicate_of":', coalesce(to_json(report.duplicate_of), 'null'), '}}')
FROM report
CROSS JOIN LATERAL (
    SELECT code, theme_code, kind,
        concat('","category":', to_json(code), ',"theme":', to_json(theme_code), ',"kind":', to_json(kind),
            ',"severity":') AS fragment
    FROM category WHERE code = report.category_code OFFSET 0
) AS category
LEFT JOIN LATERAL (
    SELECT to_json(name)::text AS name FROM organisation WHERE id = report.organisation_id OFFSET 0
) AS responsible ON true
LEFT JOIN LATERAL (
    SELECT to_json(name)::text AS name FROM place WHERE id = report.neighbourhood_id OFFSET 0
) AS neighbourhood ON true
LEFT JOIN LATERAL (
    SELECT to_json(name)::text AS name FROM place WHERE id = report.place_id OFFSET 0
) AS linked ON true
LEFT JOIN LATERAL (
    SELECT to_json(name)::text AS name FROM place WHERE id = report.nearest_stop_id OFFSET 0
) AS stop ON true
LEFT JOIN LATERAL (
    SELECT to_json(name)::text AS name FROM place WHERE id = report.iris_id OFFSET 0
) AS iris ON true
LEFT JOIN LATERAL (
    SELECT to_json(name)::text AS name FROM place WHERE id = report.qpv_id OFFSET 0
) AS qpv ON true
