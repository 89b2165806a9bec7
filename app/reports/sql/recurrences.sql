-- For each report asked about: the how-manieth it is of its theme, within its category's distance, in the days up to it.
-- Itself counts, so there is a row for each that the actor may see. What was withdrawn does not count.
WITH wanted AS MATERIALIZED (
    SELECT asked.id, asked.ordinal, asked.theme, asked.observed_at, asked.distance_m,
        ST_Transform(ST_SetSRID(ST_MakePoint(asked.lon, asked.lat), 4326), 2154) AS geom_2154
    FROM unnest(CAST(:ids AS uuid[]), CAST(:themes AS text[]), CAST(:moments AS timestamptz[]),
                CAST(:distances_m AS float8[]), CAST(:lons AS float8[]), CAST(:lats AS float8[]))
        WITH ORDINALITY AS asked (id, theme, observed_at, distance_m, lon, lat, ordinal)
)
SELECT wanted.id, count(*) AS nth, min(report.observed_at) AS first_at
FROM wanted
JOIN unnest(CAST(:ordinals AS bigint[]), CAST(:cells AS bigint[])) AS square (ordinal, cell_25m)
    ON square.ordinal = wanted.ordinal
JOIN report ON report.cell_25m = square.cell_25m
    AND report.observed_at > wanted.observed_at - make_interval(days => :days)
    AND report.observed_at <= wanted.observed_at
JOIN category ON category.code = report.category_code AND category.theme_code = wanted.theme
WHERE report.state <> ALL (:withdrawn)
    AND (report.observed_at < wanted.observed_at OR report.id <= wanted.id)
    AND ST_DWithin(ST_Transform(report.geom_4326, 2154), wanted.geom_2154, wanted.distance_m)
GROUP BY wanted.id
