-- Take the rows that cannot be stored out of the batch, each with the reason.
WITH sorted AS (
    SELECT ordinal, CASE
        WHEN bulk_seen.id IS NOT NULL
            OR row_number() OVER (PARTITION BY staged.id ORDER BY ordinal) > 1 THEN 'duplicate'
        WHEN EXISTS (SELECT FROM report WHERE report.id = staged.id) THEN 'already_there'
        WHEN EXISTS (SELECT FROM report WHERE source = :source AND report.source_ref = staged.source_ref)
            THEN 'already_there'
        WHEN place_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM place WHERE place.id = place_id AND closed_at IS NULL) THEN 'unknown_place'
        END AS reason
    FROM bulk_stage AS staged LEFT JOIN bulk_seen USING (id)
), remembered AS (
    INSERT INTO bulk_seen (id) SELECT id FROM bulk_stage ON CONFLICT DO NOTHING
)
DELETE FROM bulk_stage USING sorted
WHERE bulk_stage.ordinal = sorted.ordinal AND reason IS NOT NULL
RETURNING bulk_stage.ordinal, reason
