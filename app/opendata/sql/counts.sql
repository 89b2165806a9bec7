-- How many reports a theme, neighbourhood and month have, of those whose group (theme × quarter × square of 400 m, as in
-- app/heat/protect.py) has at least :small. A report of a smaller group is in no count at all (docs/decisions/0030).
WITH counted AS (
    SELECT category.theme_code AS theme, report.neighbourhood_id,
        -- Morton order: without the last eight bits the key is that of the square of 16 × 16 cells.
        report.cell_25m >> 8 AS square,
        date_trunc('month', report.observed_at AT TIME ZONE 'Europe/Paris') AS month,
        count(*) AS reports
    FROM report JOIN category ON category.code = report.category_code
    WHERE report.visibility <> 'restricted' AND report.state <> ALL (:withdrawn)
        AND report.observed_at < :until AND report.received_at < :until
    GROUP BY 1, 2, 3, 4
), grouped AS (
    SELECT *, sum(reports) OVER (PARTITION BY theme, square, date_trunc('quarter', month)) AS in_group FROM counted
)
SELECT theme, neighbourhood_id, CAST(month AS date) AS month, CAST(sum(reports) AS bigint) AS reports
FROM grouped WHERE in_group >= :small
GROUP BY 1, 2, 3 ORDER BY 3, 2, 1
