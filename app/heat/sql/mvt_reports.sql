-- The reports of a tile under row-level security, as one layer. {conditions} are app/reports/filters.py's, with the
-- tile's Morton ranges and box among them. One row more than may be drawn is looked for, and then nothing is encoded.
WITH shown AS MATERIALIZED (
    SELECT report.number, report.id::text AS id, report.category_code AS category, category.theme_code AS theme,
        report.severity::integer AS severity, report.state, category.label_fr, category.label_en,
        theme.label_fr AS theme_fr, theme.label_en AS theme_en,
        to_char(report.observed_at AT TIME ZONE 'Europe/Paris', 'YYYY-MM-DD') AS observed_on,
        ST_AsMVTGeom(ST_Transform(report.geom_4326, 3857), ST_TileEnvelope(:z, :x, :y), :extent, :margin, true) AS geom
    FROM report
    JOIN category ON category.code = report.category_code
    JOIN theme ON theme.code = category.theme_code
    WHERE report.state <> ALL (:withdrawn) AND {conditions}
    LIMIT :most + 1
), total AS (SELECT count(*) AS reports FROM shown)
SELECT total.reports,
    CASE WHEN total.reports > :most THEN NULL ELSE (
        SELECT ST_AsMVT(shown, 'reports', :extent, 'geom', 'number') FROM shown WHERE geom IS NOT NULL) END AS tile
FROM total
