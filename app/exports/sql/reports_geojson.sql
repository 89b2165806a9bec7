-- One line of text a report: a comma and a GeoJSON feature (RFC 7946) with the contract's properties in their order.
-- The text is put together here because nothing is faster; what may hold any character goes through to_json, the
-- rest is codes, numbers and times, whose alphabet the schema's checks hold. Callers append WHERE.
-- The small tables become ready-made fragments once a statement; no author is among the columns.
-- Coordinates: seven decimals (one centimetre), whatever the column holds.
WITH category AS MATERIALIZED (
    SELECT code, theme_code,
        concat('","category":', to_json(code), ',"theme":', to_json(theme_code), ',"kind":', to_json(kind),
            ',"severity":') AS fragment
    FROM category
), responsible AS MATERIALIZED (
    SELECT id, to_json(name)::text AS name FROM organisation
), place AS MATERIALIZED (
    SELECT id, to_json(name)::text AS name FROM place
)
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
JOIN category ON category.code = report.category_code
LEFT JOIN responsible ON responsible.id = report.organisation_id
LEFT JOIN place AS neighbourhood ON neighbourhood.id = report.neighbourhood_id
LEFT JOIN place AS linked ON linked.id = report.place_id
LEFT JOIN place AS stop ON stop.id = report.nearest_stop_id
LEFT JOIN place AS iris ON iris.id = report.iris_id
LEFT JOIN place AS qpv ON qpv.id = report.qpv_id
