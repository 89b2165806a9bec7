-- Two columns an intervention: its geometry, and its fields in one text, as reports_gpkg.sql has them. Callers append
-- WHERE.
SELECT intervention.geom_4326, concat(
    intervention.id, E'\x1f', intervention.kind_code, E'\x1f', intervention.state, E'\x1f', intervention.visibility, E'\x1f',
    replace(replace(concat(to_json(intervention.planned_start), E'\x1f', to_json(intervention.planned_end), E'\x1f',
        to_json(intervention.done_start), E'\x1f', to_json(intervention.done_end)), '+00:00"', ''), '"', ''),
    E'\x1f', replace(organisation.name, E'\x1f', ''), E'\x1f', replace(neighbourhood.name, E'\x1f', ''),
    E'\x1f', replace(qpv.name, E'\x1f', ''), E'\x1f', replace(array_to_string(intervention.teams, ';'), E'\x1f', ''),
    E'\x1f', intervention.team_size, E'\x1f', intervention.cost_eur, E'\x1f', intervention.hours,
    E'\x1f', (SELECT count(*) FROM intervention_report WHERE intervention_id = intervention.id),
    E'\x1f', CASE WHEN intervention.is_synthetic THEN '1' ELSE '0' END,
    E'\x1f', replace(intervention.source, E'\x1f', ''), E'\x1f', intervention.description)
FROM intervention
JOIN organisation ON organisation.id = intervention.organisation_id
LEFT JOIN place AS neighbourhood ON neighbourhood.id = intervention.neighbourhood_id
LEFT JOIN place AS qpv ON qpv.id = intervention.qpv_id
