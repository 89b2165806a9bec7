-- One line of CSV an intervention; the columns are those of app/exports/dictionary.py, in their order. Callers append
-- WHERE. What may hold any character goes through csv_text; a missing value is an empty field.
SELECT concat(
    intervention.id, ',', intervention.kind_code, ',', intervention.state, ',', intervention.visibility, ',',
    replace(replace(concat(to_json(intervention.planned_start), ',', to_json(intervention.planned_end), ',',
        to_json(intervention.done_start), ',', to_json(intervention.done_end)), '+00:00', 'Z'), '"', ''),
    ',', csv_text(organisation.name), ',', csv_text(neighbourhood.name), ',', csv_text(intervention.description),
    ',', csv_text(qpv.name), ',', csv_text(nullif(array_to_string(intervention.teams, ';'), '')),
    ',', intervention.team_size, ',', intervention.cost_eur, ',', intervention.hours,
    ',', (SELECT count(*) FROM intervention_report WHERE intervention_id = intervention.id),
    ',', CASE WHEN intervention.is_synthetic THEN 'true' ELSE 'false' END, ',', csv_text(intervention.source),
    ',', round(ST_X(point.geom) * 1e7) / 1e7, ',', round(ST_Y(point.geom) * 1e7) / 1e7,
    ',"', ST_AsText(intervention.geom_4326, 7), '"', times.line)
FROM intervention
JOIN organisation ON organisation.id = intervention.organisation_id
LEFT JOIN place AS neighbourhood ON neighbourhood.id = intervention.neighbourhood_id
LEFT JOIN place AS qpv ON qpv.id = intervention.qpv_id
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(intervention.geom_4326) AS geom) AS point
CROSS JOIN LATERAL (
    SELECT replace(replace(concat(
        ',', to_json(max(at) FILTER (WHERE to_state = 'in_progress')),
        ',', to_json(max(at) FILTER (WHERE to_state = 'done')),
        ',', to_json(max(at) FILTER (WHERE to_state = 'verified')),
        ',', to_json(max(at) FILTER (WHERE to_state = 'cancelled'))), '+00:00', 'Z'), '"', '') AS line
    FROM intervention_event WHERE intervention_event.intervention_id = intervention.id
) AS times
