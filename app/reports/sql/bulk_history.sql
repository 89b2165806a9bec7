-- The rest of the history of the reports that this transaction added.
INSERT INTO report_event (report_id, at, kind, from_state, to_state, organisation_id, role, details)
SELECT bulk_history.report_id, bulk_history.at, bulk_history.kind, from_state, to_state,
    CASE WHEN by_responsible THEN report.organisation_id ELSE bulk_history.organisation_id END,
    bulk_history.role, details
FROM bulk_history
JOIN bulk_stage ON bulk_stage.id = report_id
JOIN report ON report.id = report_id
ORDER BY bulk_history.at
