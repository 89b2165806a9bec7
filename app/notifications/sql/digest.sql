-- An organisation's open reports that nobody has taken on (waiting) or that are late: how many, and the first of each.
WITH mine AS MATERIALIZED (
    SELECT report.id, report.category_code AS category, report.due_at, report.visibility, report.state,
        place.name AS neighbourhood,
        report.state IN ('new', 'reopened') AS is_waiting,
        report.paused_at IS NULL AND report.due_at < :now AS is_late
    FROM report LEFT JOIN place ON place.id = report.neighbourhood_id
    WHERE report.organisation_id = :organisation_id
        AND report.state IN ('new', 'acknowledged', 'assigned', 'in_progress', 'reopened')
        AND (report.state IN ('new', 'reopened') OR (report.paused_at IS NULL AND report.due_at < :now))
), counted AS (
    SELECT count(*) FILTER (WHERE is_waiting) AS waiting, count(*) FILTER (WHERE is_late) AS late FROM mine
)
SELECT counted.waiting, counted.late, first.*
FROM counted LEFT JOIN (
    SELECT * FROM mine ORDER BY is_late DESC, due_at, id LIMIT :limit
) AS first ON true
ORDER BY first.is_late DESC, first.due_at, first.id
