-- One move, if the report is still as the mover saw it. The trigger counts the version up.
UPDATE report SET
    state = :state, organisation_id = :organisation_id, due_at = :due_at, paused_at = :paused_at,
    asked_organisation_id = :asked_organisation_id,
    passed_by_organisation_id = coalesce(:passed_by_organisation_id, passed_by_organisation_id),
    escalated_at = CASE WHEN CAST(:due_at AS timestamptz) > :now THEN NULL ELSE escalated_at END,
    -- How long it took, for lists and dashboards: who answers for it has a beginning of its own.
    held_since = CASE WHEN organisation_id IS DISTINCT FROM :organisation_id THEN :now ELSE held_since END,
    acknowledged_at = CASE
        WHEN organisation_id IS DISTINCT FROM :organisation_id THEN NULL
        WHEN :state IN ('acknowledged', 'assigned', 'in_progress', 'resolved', 'rejected')
            THEN coalesce(acknowledged_at, :now)
        ELSE acknowledged_at END,
    resolved_at = CASE :state WHEN 'resolved' THEN :now WHEN 'verified' THEN resolved_at END,
    paused_s = paused_s + CASE WHEN paused_at IS NULL OR CAST(:paused_at AS timestamptz) IS NOT NULL THEN 0
        ELSE greatest(extract(epoch FROM :now - paused_at), 0)::integer END
WHERE id = :id AND version = :version
