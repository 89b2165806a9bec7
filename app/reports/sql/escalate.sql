-- Open reports whose deadline passed while their clock ran get their flag and a line of history, once each.
WITH late AS (
    SELECT id FROM report
    WHERE state IN ('new', 'acknowledged', 'assigned', 'in_progress', 'reopened')
        AND due_at < :now AND paused_at IS NULL AND escalated_at IS NULL
    ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
), marked AS (
    UPDATE report SET escalated_at = :now FROM late WHERE report.id = late.id
    RETURNING report.id, report.organisation_id, report.due_at
), told AS (
    INSERT INTO report_event (report_id, at, kind, role, details)
    SELECT id, :now, 'escalated', 'system', jsonb_build_object('due_at', due_at, 'late_organisation_id', organisation_id)
    FROM marked
)
SELECT id, organisation_id, due_at FROM marked ORDER BY due_at
