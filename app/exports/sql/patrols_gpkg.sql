-- Two columns a place of a round (patrol_visits.sql): its geometry, and its fields in one text, as reports_gpkg.sql has them.
-- Callers append WHERE.
SELECT patrol_visit.geom_4326, concat(
    patrol_visit.id, E'\x1f', patrol_visit.patrol_id, E'\x1f', patrol_visit.kind, E'\x1f',
    replace(patrol_visit.title, E'\x1f', ''), E'\x1f', patrol_visit.state, E'\x1f',
    replace(organisation.name, E'\x1f', ''), E'\x1f',
    replace(replace(concat(to_json(patrol_visit.planned_at), E'\x1f', to_json(patrol_visit.started_at), E'\x1f',
        to_json(patrol_visit.ended_at), E'\x1f', to_json(patrol_visit.passed_at)), '+00:00"', ''), '"', ''),
    E'\x1f', patrol_visit.outcome, E'\x1f', patrol_visit.position, E'\x1f', replace(patrol_visit.name, E'\x1f', ''),
    E'\x1f', (SELECT count(*) FROM patrol_passage_report AS found JOIN report ON report.id = found.report_id
     WHERE found.passage_id = patrol_visit.id),
    E'\x1f', CASE WHEN patrol_visit.is_synthetic THEN '1' ELSE '0' END,
    E'\x1f', replace(patrol_visit.source, E'\x1f', ''))
FROM patrol_visit
JOIN organisation ON organisation.id = patrol_visit.organisation_id
