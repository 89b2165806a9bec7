-- One row a place of a round: each passage, and each stop of the list that nobody has passed. Places, things and times;
-- no participant, no author, no note. Both are read under patrol's policies.
SELECT visit.*, patrol.kind, patrol.title, patrol.state, patrol.organisation_id, patrol.planned_at, patrol.started_at,
    patrol.ended_at, coalesce(visit.passed_at, patrol.starts_at) AS at, patrol.is_synthetic, patrol.source
FROM (
    SELECT passage.id, passage.patrol_id, stop.position, coalesce(passage.name, stop.name) AS name, passage.geom_4326,
        passage.passed_at, passage.outcome
    FROM public.patrol_passage AS passage LEFT JOIN public.patrol_stop AS stop ON stop.id = passage.stop_id
    UNION ALL
    -- A stop has a number of its table; here it needs a name that no passage can have, and always the same.
    SELECT CAST(md5('patrol_stop ' || stop.id) AS uuid), stop.patrol_id, stop.position, stop.name, stop.geom_4326,
        NULL, 'not_passed'
    FROM public.patrol_stop AS stop
    WHERE NOT EXISTS (SELECT FROM public.patrol_passage AS passage WHERE passage.stop_id = stop.id)
) AS visit
JOIN public.patrol ON patrol.id = visit.patrol_id
