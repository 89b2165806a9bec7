-- One line of CSV a place of a round (patrol_visits.sql); the columns are those of app/exports/dictionary.py, in their order.
-- Callers append WHERE.
SELECT concat(
    patrol_visit.id, ',', patrol_visit.patrol_id, ',', patrol_visit.kind, ',', csv_text(patrol_visit.title), ',',
    patrol_visit.state, ',', csv_text(organisation.name), ',',
    replace(replace(concat(to_json(patrol_visit.planned_at), ',', to_json(patrol_visit.started_at), ',',
        to_json(patrol_visit.ended_at), ',', to_json(patrol_visit.passed_at)), '+00:00', 'Z'), '"', ''),
    ',', patrol_visit.outcome, ',', patrol_visit.position, ',', csv_text(patrol_visit.name), ',',
    (SELECT count(*) FROM patrol_passage_report AS found JOIN report ON report.id = found.report_id
     WHERE found.passage_id = patrol_visit.id),
    ',', CASE WHEN patrol_visit.is_synthetic THEN 'true' ELSE 'false' END, ',', csv_text(patrol_visit.source),
    ',', round(ST_X(patrol_visit.geom_4326) * 1e7) / 1e7, ',', round(ST_Y(patrol_visit.geom_4326) * 1e7) / 1e7)
FROM patrol_visit
JOIN organisation ON organisation.id = patrol_visit.organisation_id
