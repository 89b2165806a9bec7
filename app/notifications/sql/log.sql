-- What was sent and will be, the newest first, each with its last attempt.
SELECT notification.id, notification.channel, notification.kind, notification.recipient, notification.report_id,
    notification.created_at, notification.state, notification.reason, webhook.url,
    (SELECT count(*) FROM notification_attempt AS attempt WHERE attempt.notification_id = notification.id) AS attempts,
    last.at AS last_at, last.status, last.duration_ms, last.answer, last.error
FROM notification
LEFT JOIN webhook ON webhook.id = notification.webhook_id
LEFT JOIN LATERAL (
    SELECT at, status, duration_ms, answer, error FROM notification_attempt AS attempt
    WHERE attempt.notification_id = notification.id ORDER BY attempt.id DESC LIMIT 1
) AS last ON true
WHERE notification.organisation_id = :organisation_id
    AND (CAST(:after_at AS timestamptz) IS NULL
        OR (notification.created_at, notification.id) < (CAST(:after_at AS timestamptz), CAST(:after_id AS uuid)))
ORDER BY notification.created_at DESC, notification.id DESC LIMIT :limit
