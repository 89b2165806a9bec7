-- places_of() for a whole batch: the same questions as in migrations/sql/0001/functions.sql, asked once a place instead of
-- once a row. Each polygon is prepared once and looks its points up in the batch's own index.
-- tests/reports/test_importing_sets.py compares both, row by row.
WITH neighbourhood AS (
    SELECT DISTINCT ON (ordinal) ordinal, place.id
    FROM place JOIN bulk_stage AS staged ON ST_Covers(place.geom_4326, staged.geom_4326)
    WHERE kind = 'neighbourhood' AND closed_at IS NULL
    ORDER BY ordinal, approximate, place.id
), iris AS (
    SELECT ordinal, min(place.id) AS id
    FROM place JOIN bulk_stage AS staged ON ST_Covers(place.geom_4326, staged.geom_4326)
    WHERE kind = 'iris' AND closed_at IS NULL GROUP BY ordinal
), qpv AS (
    SELECT ordinal, min(place.id) AS id
    FROM place JOIN bulk_stage AS staged ON ST_Covers(place.geom_4326, staged.geom_4326)
    WHERE kind = 'qpv' AND closed_at IS NULL GROUP BY ordinal
), stop AS (
    -- The box goes around the stop here, and around the point there (a higher one): both hold the 250 m (0.00225° of
    -- latitude anywhere, 0.004° of longitude south of 56° north).
    SELECT DISTINCT ON (ordinal) ordinal, near.id
    FROM (
        SELECT ordinal, place.id, ST_DistanceSphere(place.geom_4326, staged.geom_4326) AS distance_m
        FROM place JOIN bulk_stage AS staged ON staged.geom_4326 && ST_Expand(place.geom_4326, 0.004, 0.0023)
        WHERE kind = 'stop' AND closed_at IS NULL
    ) AS near
    WHERE distance_m <= 250 ORDER BY ordinal, distance_m, near.id
)
INSERT INTO bulk_located (ordinal, neighbourhood_id, iris_id, qpv_id, nearest_stop_id)
SELECT ordinal, neighbourhood.id, iris.id, qpv.id, stop.id
FROM bulk_stage
LEFT JOIN neighbourhood USING (ordinal)
LEFT JOIN iris USING (ordinal)
LEFT JOIN qpv USING (ordinal)
LEFT JOIN stop USING (ordinal)
