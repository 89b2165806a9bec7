-- The squares with most reports of a theme, how many, and around where: from this the busiest places are chosen.
-- A report is received after it is seen (clocks differ by minutes): that bounds the work by an index.
SELECT category.theme_code AS theme, report.cell_25m, count(*) AS reports,
    avg(ST_X(report.geom_4326)) AS lon, avg(ST_Y(report.geom_4326)) AS lat
FROM report JOIN category ON category.code = report.category_code
WHERE report.observed_at >= :start AND report.observed_at < :end
    AND report.received_at >= CAST(:start AS timestamptz) - interval '1 day'
    AND report.state <> ALL (:withdrawn)
    AND (CAST(:organisation_id AS integer) IS NULL OR report.organisation_id = :organisation_id)
GROUP BY category.theme_code, report.cell_25m
ORDER BY count(*) DESC, report.cell_25m, category.theme_code
LIMIT 5000
