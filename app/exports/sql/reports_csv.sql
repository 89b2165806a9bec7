-- One line of CSV a report; the columns are those of app/exports/dictionary.py, in their order. Callers append WHERE.
-- The small tables are looked up as reports_geojson.sql does, and for its reason.
-- What may hold any character goes through csv_text; a missing value is an empty field.
-- The history is asked only of a report that something has happened to.
SELECT concat(
    report.id, category.fragment, report.severity, ',', report.state, ',', report.visibility, ',',
    replace(replace(concat(to_json(report.observed_at), ',', to_json(report.received_at), ',', to_json(report.due_at)),
        '+00:00', 'Z'), '"', ''),
    ',', responsible.name, ',', neighbourhood.name, ',', csv_text(report.description), ',', linked.name, ',', stop.name,
    ',', iris.name, ',', qpv.name, ',', CASE WHEN report.is_synthetic THEN 'true' ELSE 'false' END,
    ',', csv_text(report.source), ',', report.duplicate_of,
    ',', round(ST_X(report.geom_4326) * 1e7) / 1e7, ',', round(ST_Y(report.geom_4326) * 1e7) / 1e7,
    coalesce(CASE WHEN report.state <> 'new' OR report.version > 1 THEN (
        SELECT replace(replace(concat(
            ',', to_json(max(at) FILTER (WHERE to_state = 'acknowledged')),
            ',', to_json(max(at) FILTER (WHERE to_state = 'assigned')),
            ',', to_json(max(at) FILTER (WHERE to_state = 'in_progress')),
            ',', to_json(max(at) FILTER (WHERE to_state = 'resolved')),
            ',', to_json(max(at) FILTER (WHERE to_state = 'verified')),
            ',', to_json(max(at) FILTER (WHERE to_state = 'rejected')),
            ',', to_json(max(at) FILTER (WHERE to_state = 'duplicate')),
            ',', to_json(max(at) FILTER (WHERE to_state = 'reopened'))), '+00:00', 'Z'), '"', '')
        FROM report_event WHERE report_event.report_id = report.id) END, ',,,,,,,,'))
FROM report
CROSS JOIN LATERAL (
    SELECT code, theme_code, kind,
        concat(',', code, ',', theme_code, ',', kind, ',') AS fragment
    FROM category WHERE code = report.category_code OFFSET 0
) AS category
LEFT JOIN LATERAL (
    SELECT csv_text(name) AS name FROM organisation WHERE id = report.organisation_id OFFSET 0
) AS responsible ON true
LEFT JOIN LATERAL (
    SELECT csv_text(name) AS name FROM place WHERE id = report.neighbourhood_id OFFSET 0
) AS neighbourhood ON true
LEFT JOIN LATERAL (
    SELECT csv_text(name) AS name FROM place WHERE id = report.place_id OFFSET 0
) AS linked ON true
LEFT JOIN LATERAL (
    SELECT csv_text(name) AS name FROM place WHERE id = report.nearest_stop_id OFFSET 0
) AS stop ON true
LEFT JOIN LATERAL (
    SELECT csv_text(name) AS name FROM place WHERE id = report.iris_id OFFSET 0
) AS iris ON true
LEFT JOIN LATERAL (
    SELECT csv_text(name) AS name FROM place WHERE id = report.qpv_id OFFSET 0
) AS qpv ON true
