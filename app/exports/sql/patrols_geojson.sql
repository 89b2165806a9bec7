-- One line of text a place of a round (patrol_visits.sql): a comma and a GeoJSON feature (RFC 7946). Reports are counted as far
-- as the actor sees them. Callers append WHERE.
SELECT ',' || json_build_object(
    'type', 'Feature', 'id', patrol_visit.id, 'geometry', ST_AsGeoJSON(patrol_visit.geom_4326, 7)::json,
    'properties', json_build_object(
        'id', patrol_visit.id, 'patrol', patrol_visit.patrol_id, 'kind', patrol_visit.kind,
        'title', patrol_visit.title, 'state', patrol_visit.state, 'organisation', organisation.name,
        'planned_at', to_char(patrol_visit.planned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'started_at', to_char(patrol_visit.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'ended_at', to_char(patrol_visit.ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'passed_at', to_char(patrol_visit.passed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'outcome', patrol_visit.outcome, 'position', patrol_visit.position, 'place', patrol_visit.name,
        'reports', (SELECT count(*) FROM patrol_passage_report AS found JOIN report ON report.id = found.report_id
            WHERE found.passage_id = patrol_visit.id),
        'is_synthetic', patrol_visit.is_synthetic, 'source', patrol_visit.source))::text
FROM patrol_visit
JOIN organisation ON organisation.id = patrol_visit.organisation_id
