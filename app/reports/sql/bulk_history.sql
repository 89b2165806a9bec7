-- The rest of the history of the reports that this transaction added, and how long it took (as move.sql keeps it).
WITH told AS (
    INSERT INTO report_event (report_id, at, kind, from_state, to_state, organisation_id, role, details)
    SELECT bulk_history.report_id, bulk_history.at, bulk_history.kind, from_state, to_state,
        CASE WHEN by_responsible THEN report.organisation_id ELSE bulk_history.organisation_id END,
        bulk_history.role, details
    FROM bulk_history
    JOIN bulk_stage ON bulk_stage.id = report_id
    JOIN report ON report.id = report_id
    ORDER BY bulk_history.at
), took AS (
    SELECT bulk_history.report_id,
        min(at) FILTER (WHERE to_state IN ('acknowledged', 'assigned', 'in_progress', 'resolved', 'rejected'))
            AS acknowledged_at,
        max(at) FILTER (WHERE to_state = 'resolved') AS resolved_at
    FROM bulk_history JOIN bulk_stage ON bulk_stage.id = report_id GROUP BY bulk_history.report_id
)
UPDATE report SET acknowledged_at = took.acknowledged_at,
    resolved_at = CASE WHEN report.state IN ('resolved', 'verified') THEN took.resolved_at END
FROM took
WHERE report.id = took.report_id AND took.acknowledged_at IS NOT NULL
