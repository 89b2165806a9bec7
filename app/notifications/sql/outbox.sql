-- What happened between two horizons becomes what is to be told: a mail for each address, a delivery for each webhook.
-- An event that is here already adds nothing. :oldest bounds what is told after a long stop.
WITH happened AS (
    SELECT event.id, event.report_id, event.kind AS event_kind, event.details,
        CASE
            WHEN event.kind IN ('created', 'route') THEN 'assigned'
            WHEN event.kind = 'transfer' THEN 'transferred'
            WHEN event.kind = 'reopen' THEN 'reopened'
            WHEN event.kind = 'escalated' THEN 'overdue'
            WHEN event.kind = 'ask' THEN 'question'
            ELSE 'state_changed'
        END AS kind
    FROM report_event AS event
    WHERE (event.account_id IS NOT NULL OR event.kind = 'escalated')
        AND event.txid >= CAST(:after AS xid8) AND event.txid < CAST(:until AS xid8)
        AND event.at > :oldest
        AND (event.kind IN ('created', 'route', 'transfer', 'reopen', 'escalated', 'ask') OR event.to_state IS NOT NULL)
), told AS (
    SELECT DISTINCT happened.id, happened.report_id, happened.kind, whom.organisation_id
    FROM happened JOIN report ON report.id = happened.report_id
    CROSS JOIN LATERAL unnest(
        CASE happened.event_kind
            WHEN 'created' THEN ARRAY[CAST(details ->> 'responsible_id' AS integer)]
            WHEN 'route' THEN ARRAY[CAST(details ->> 'to_organisation_id' AS integer)]
            WHEN 'transfer' THEN ARRAY[CAST(details ->> 'to_organisation_id' AS integer)]
            WHEN 'escalated' THEN ARRAY[CAST(details ->> 'late_organisation_id' AS integer)]
            WHEN 'ask' THEN ARRAY[CAST(details ->> 'asked_organisation_id' AS integer)]
            WHEN 'reopen' THEN ARRAY[report.organisation_id]
            ELSE ARRAY[report.organisation_id, report.reporter_organisation_id]
        END) AS whom (organisation_id)
    WHERE whom.organisation_id IS NOT NULL
), wanted AS (
    SELECT told.*, 'mail' AS channel, address AS recipient, CAST(NULL AS uuid) AS webhook_id
    FROM told JOIN notification_setting AS setting USING (organisation_id) CROSS JOIN LATERAL unnest(emails) AS address
    WHERE told.kind = ANY (setting.kinds)
    UNION ALL
    SELECT told.*, 'webhook', CAST(webhook.id AS text), webhook.id
    FROM told JOIN webhook USING (organisation_id)
    WHERE webhook.active AND webhook.removed_at IS NULL AND told.kind = ANY (webhook.kinds)
)
INSERT INTO notification (organisation_id, channel, kind, recipient, webhook_id, event_id, report_id)
SELECT organisation_id, channel, kind, recipient, webhook_id, id, report_id FROM wanted ORDER BY id
ON CONFLICT DO NOTHING
RETURNING id
