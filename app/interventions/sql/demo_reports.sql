-- Synthetic reports that somebody has taken, with when the work began and ended; those that go together follow each other.
SELECT report.id, report.category_code AS category, category.theme_code AS theme, ST_X(report.geom_4326) AS lon,
    ST_Y(report.geom_4326) AS lat, report.organisation_id, report.neighbourhood_id, report.state,
    (SELECT max(at) FROM report_event WHERE report_id = report.id AND to_state = 'in_progress') AS started_at,
    (SELECT max(at) FROM report_event WHERE report_id = report.id AND to_state = 'resolved'
        AND report.state IN ('resolved', 'verified')) AS resolved_at
FROM report JOIN category ON category.code = report.category_code
WHERE report.is_synthetic AND report.visibility <> 'restricted' AND report.organisation_id IS NOT NULL
    AND report.state IN ('assigned', 'in_progress', 'resolved', 'verified')
ORDER BY report.organisation_id, report.category_code, report.neighbourhood_id, report.state, report.received_at, report.id
