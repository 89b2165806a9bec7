-- One line of CSV (RFC 4180) a step of an intervention's history, as events_csv.sql has them of reports.
SELECT concat(
    intervention_event.id, ',', intervention_event.intervention_id, ',', intervention.kind_code, ',',
    intervention_event.kind, ',', intervention_event.from_state, ',', intervention_event.to_state, ',',
    to_char(intervention_event.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ',', intervention_event.role, ',',
    csv_text(organisation.name), ',"', replace(intervention_event.details::text, '"', '""'), '"')
FROM intervention_event
JOIN intervention ON intervention.id = intervention_event.intervention_id
LEFT JOIN organisation ON organisation.id = intervention_event.organisation_id
