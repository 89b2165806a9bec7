-- One line of text an intervention: a comma and a GeoJSON feature (RFC 7946) with the API's properties in their order.
-- No author is among the columns; reports are counted as far as the actor sees them. Callers append WHERE.
SELECT ',' || json_build_object(
    'type', 'Feature', 'id', intervention.id, 'geometry', ST_AsGeoJSON(intervention.geom_4326, 7)::json,
    'properties', json_build_object(
        'id', intervention.id, 'kind', intervention.kind_code, 'state', intervention.state,
        'visibility', intervention.visibility,
        'planned_start', to_char(intervention.planned_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'planned_end', to_char(intervention.planned_end AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'done_start', to_char(intervention.done_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'done_end', to_char(intervention.done_end AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'organisation', organisation.name, 'neighbourhood', neighbourhood.name,
        'description', intervention.description, 'qpv', qpv.name, 'teams', intervention.teams,
        'team_size', intervention.team_size, 'cost_eur', intervention.cost_eur, 'hours', intervention.hours,
        'reports', (SELECT count(*) FROM intervention_report WHERE intervention_id = intervention.id),
        'is_synthetic', intervention.is_synthetic, 'source', intervention.source))::text
FROM intervention
JOIN organisation ON organisation.id = intervention.organisation_id
LEFT JOIN place AS neighbourhood ON neighbourhood.id = intervention.neighbourhood_id
LEFT JOIN place AS qpv ON qpv.id = intervention.qpv_id
