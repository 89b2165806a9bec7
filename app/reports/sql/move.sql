-- One move, if the report is still as the mover saw it. The trigger counts the version up.
UPDATE report SET
    state = :state, organisation_id = :organisation_id, due_at = :due_at, paused_at = :paused_at,
    asked_organisation_id = :asked_organisation_id,
    passed_by_organisation_id = coalesce(:passed_by_organisation_id, passed_by_organisation_id),
    escalated_at = CASE WHEN CAST(:due_at AS timestamptz) > :now THEN NULL ELSE escalated_at END
WHERE id = :id AND version = :version
