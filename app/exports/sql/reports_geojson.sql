-- One line of text a report: a comma and a GeoJSON feature (RFC 7946) with the contract's properties in their order.
-- The text is put together here because nothing is faster; what may hold any character goes through to_json, the
-- rest is codes, numbers and times, whose alphabet the schema's checks hold. Callers append WHERE.
-- No author is among the columns. The small tables are looked up a row at a time, and the fragments made of them are
-- kept (Memoize): a join that hashes or sorts the reports first would hold the first row back until the last was read,
-- and whether the planner takes one depends on statistics of tables too small to have any (docs/decisions/0027).
-- OFFSET 0 keeps the subqueries as they stand. IS NOT NULL: where there is no key, the index is not even opened.
-- Every piece of concat costs as much as forty characters: a fragment ends with the name of the property after it.
-- Coordinates: seven decimals (one centimetre), whatever the column holds. Times: the session's zone is UTC; a time as
-- text costs half of to_json, and the only spaces between these names are those where RFC 3339 has a T.
SELECT concat(
    ',{"type":"Feature","id":"', report.id, '","geometry":{"type":"Point","coordinates":[',
    round(ST_X(report.geom_4326) * 1e7) / 1e7, ',', round(ST_Y(report.geom_4326) * 1e7) / 1e7,
    ']},"properties":{"id":"', report.id, category.fragment, report.severity,
    ',"state":"', report.state, '","visibility":"', report.visibility,
    replace(concat('","observed_at":"', report.observed_at::timestamp, 'Z","received_at":"', report.received_at::timestamp,
        coalesce('Z","due_at":"' || report.due_at::timestamp::text || 'Z","organisation":',
            'Z","due_at":' || 'null,"organisation":')), ' ', 'T'),
    coalesce(responsible.fragment, 'null,"neighbourhood":'),
    coalesce(neighbourhood.fragment, 'null,"description":'),
    coalesce(to_json(report.description)::text, 'null'), ',"place":',
    coalesce(linked.fragment, 'null,"nearest_stop":'),
    coalesce(stop.fragment, 'null,"iris":'),
    coalesce(iris.fragment, 'null,"qpv":'),
    coalesce(qpv.fragment, 'null,"is_synthetic":'),
    CASE WHEN report.is_synthetic THEN 'true,"source":' ELSE 'false,"source":' END, to_json(report.source),
    ',"duplicate_of":', coalesce(to_json(report.duplicate_of)::text, 'null'), '}}')
FROM report
CROSS JOIN LATERAL (
    SELECT code, theme_code, kind,
        concat('","category":', to_json(code), ',"theme":', to_json(theme_code), ',"kind":', to_json(kind),
            ',"severity":') AS fragment
    FROM category WHERE code = report.category_code OFFSET 0
) AS category
LEFT JOIN LATERAL (
    SELECT concat(to_json(name), ',"neighbourhood":') AS fragment
    FROM organisation WHERE id = report.organisation_id OFFSET 0
) AS responsible ON true
LEFT JOIN LATERAL (
    SELECT concat(to_json(name), ',"description":') AS fragment
    FROM place WHERE report.neighbourhood_id IS NOT NULL AND id = report.neighbourhood_id OFFSET 0
) AS neighbourhood ON true
LEFT JOIN LATERAL (
    SELECT concat(to_json(name), ',"nearest_stop":') AS fragment
    FROM place WHERE report.place_id IS NOT NULL AND id = report.place_id OFFSET 0
) AS linked ON true
LEFT JOIN LATERAL (
    SELECT concat(to_json(name), ',"iris":') AS fragment
    FROM place WHERE report.nearest_stop_id IS NOT NULL AND id = report.nearest_stop_id OFFSET 0
) AS stop ON true
LEFT JOIN LATERAL (
    SELECT concat(to_json(name), ',"qpv":') AS fragment
    FROM place WHERE report.iris_id IS NOT NULL AND id = report.iris_id OFFSET 0
) AS iris ON true
LEFT JOIN LATERAL (
    SELECT concat(to_json(name), ',"is_synthetic":') AS fragment
    FROM place WHERE report.qpv_id IS NOT NULL AND id = report.qpv_id OFFSET 0
) AS qpv ON true
