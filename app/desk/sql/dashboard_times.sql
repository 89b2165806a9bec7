-- How many reports, how many are late, and how long answers took: altogether, by theme, category, neighbourhood and
-- organisation. Percentiles interpolate (percentile_cont). What was withdrawn does not count, as on the map.
-- To acknowledge: from when it came to whoever answers for it. To resolve: from when it was received, as people live it.
WITH chosen AS MATERIALIZED (
    SELECT category.theme_code, report.category_code, report.neighbourhood_id, report.organisation_id,
        report.state IN ('new', 'acknowledged', 'assigned', 'in_progress', 'reopened') AS is_open,
        report.state IN ('new', 'acknowledged', 'assigned', 'in_progress', 'reopened')
            AND report.paused_at IS NULL AND report.due_at < :now AS is_late,
        -- Not greatest(…, 0), which makes a zero of what is not known.
        extract(epoch FROM report.acknowledged_at - coalesce(report.held_since, report.received_at))::float8
            AS acknowledge_s,
        extract(epoch FROM report.resolved_at - report.received_at)::float8 AS resolve_s,
        report.paused_s
    FROM report JOIN category ON category.code = report.category_code
    WHERE {where}
)
SELECT
    CASE WHEN grouping(theme_code) = 0 THEN 'theme' WHEN grouping(category_code) = 0 THEN 'category'
        WHEN grouping(neighbourhood_id) = 0 THEN 'neighbourhood' WHEN grouping(organisation_id) = 0 THEN 'organisation'
        ELSE 'all' END AS by,
    coalesce(theme_code, category_code, neighbourhood_id::text, organisation_id::text) AS key,
    count(*) AS reports, count(*) FILTER (WHERE is_open) AS still_open, count(*) FILTER (WHERE is_late) AS late,
    count(acknowledge_s) AS acknowledged, count(resolve_s) AS resolved,
    percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY acknowledge_s) AS acknowledge_s,
    percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY resolve_s) AS resolve_s,
    coalesce(sum(least(paused_s, resolve_s)) FILTER (WHERE resolve_s IS NOT NULL) / nullif(sum(resolve_s), 0), 0)::float8
        AS paused_share
FROM chosen
GROUP BY GROUPING SETS ((), (theme_code), (category_code), (neighbourhood_id), (organisation_id))
