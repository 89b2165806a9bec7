-- One line of CSV (RFC 4180) a step of a report's history: what process mining reads as case, activity, time, resource.
-- The organisation and the role, never the person. Only the last two columns can hold anything. Callers append WHERE.
SELECT concat(
    report_event.id, ',', report_event.report_id, ',', report.category_code, ',', report_event.kind, ',',
    report_event.from_state, ',', report_event.to_state, ',',
    to_char(report_event.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ',', report_event.role, ',',
    csv_text(organisation.name), ',"', replace(report_event.details::text, '"', '""'), '"')
FROM report_event
JOIN report ON report.id = report_event.report_id
JOIN category ON category.code = report.category_code
LEFT JOIN organisation ON organisation.id = report_event.organisation_id
