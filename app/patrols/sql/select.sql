-- A patrol as screens and machines see it: no author. Callers append WHERE, ORDER BY and LIMIT.
-- Reports are counted as far as the actor sees them.
SELECT
    patrol.id, patrol.kind, patrol.title, patrol.state, patrol.planned_at, patrol.started_at, patrol.ended_at,
    patrol.starts_at, patrol.note, patrol.organisation_id,
    (SELECT name FROM organisation WHERE id = patrol.organisation_id) AS organisation,
    patrol.source, patrol.is_synthetic, patrol.version,
    (SELECT count(*) FROM patrol_stop WHERE patrol_id = patrol.id) AS stops,
    (SELECT count(DISTINCT stop_id) FROM patrol_passage WHERE patrol_id = patrol.id) AS stops_seen,
    (SELECT count(*) FROM patrol_passage WHERE patrol_id = patrol.id) AS passages,
    (SELECT count(*) FROM patrol_passage WHERE patrol_id = patrol.id AND outcome = 'found') AS found,
    (SELECT count(DISTINCT report.id) FROM patrol_passage
     JOIN patrol_passage_report ON passage_id = patrol_passage.id JOIN report ON report.id = report_id
     WHERE patrol_passage.patrol_id = patrol.id) AS reports,
    (SELECT coalesce(jsonb_object_agg(role_code, people), '{}') FROM patrol_participant
     WHERE patrol_id = patrol.id) AS participants
FROM patrol
