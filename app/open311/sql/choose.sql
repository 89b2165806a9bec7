-- Open reports of an organisation that has a server elsewhere, in a category that is mapped, since the server is known
-- here. Never what is restricted; never what came in by an api_key, which could be that very server's (no circle).
INSERT INTO open311_push (remote_id, report_id)
SELECT remote.id, report.id
FROM open311_remote AS remote
JOIN report ON report.organisation_id = remote.organisation_id
WHERE remote.active AND remote.removed_at IS NULL
    AND report.state IN ('new', 'acknowledged', 'assigned', 'in_progress', 'reopened')
    AND report.visibility <> 'restricted'
    AND jsonb_exists(remote.services, report.category_code)
    AND (:with_synthetic OR NOT report.is_synthetic)
    AND (CAST(:remote_id AS uuid) IS NULL OR remote.id = :remote_id)
    AND CASE WHEN CAST(:report_id AS uuid) IS NOT NULL THEN report.id = :report_id
        ELSE report.source <> 'open311' AND (:with_older OR coalesce(report.held_since, report.received_at) >= remote.since) END
    -- Most are there already: cheaper to leave out than to run into the unique key, which is for two workers at once.
    AND NOT EXISTS (SELECT FROM open311_push WHERE remote_id = remote.id AND report_id = report.id)
ORDER BY report.received_at, report.id
ON CONFLICT DO NOTHING
RETURNING id
