-- A report as screens and machines see it: no author. Callers append WHERE, ORDER BY and LIMIT.
-- Names come from scalar subqueries: nine joins take longer to plan (2 ms) than fifty rows take to read.
SELECT
    report.id, report.category_code AS category, category.theme_code AS theme, category.kind, report.severity,
    report.state, report.visibility, report.observed_at, report.received_at, report.due_at,
    (SELECT name FROM organisation WHERE id = report.organisation_id) AS organisation,
    (SELECT name FROM place WHERE id = report.neighbourhood_id) AS neighbourhood, report.description,
    ST_X(report.geom_4326) AS lon, ST_Y(report.geom_4326) AS lat,
    (SELECT name FROM organisation WHERE id = report.reporter_organisation_id) AS reporter_organisation,
    (SELECT name FROM place WHERE id = report.place_id) AS place,
    (SELECT name FROM place WHERE id = report.nearest_stop_id) AS nearest_stop,
    (SELECT name FROM place WHERE id = report.iris_id) AS iris,
    (SELECT name FROM place WHERE id = report.qpv_id) AS qpv,
    report.source, report.is_synthetic, report.version, report.organisation_id, report.reporter_organisation_id,
    coalesce(report.candidate_ids, '{}') AS candidate_ids, report.asked_organisation_id,
    (SELECT name FROM organisation WHERE id = report.asked_organisation_id) AS asked_organisation,
    report.paused_at, report.escalated_at,
    CASE WHEN report.duplicate_of IS NOT NULL THEN (SELECT kept_id FROM kept_report(report.id)) END AS duplicate_of
FROM report
JOIN category ON category.code = report.category_code
