-- A report as screens and machines see it: no author. Callers append WHERE, ORDER BY and LIMIT.
SELECT
    report.id, report.category_code AS category, category.theme_code AS theme, category.kind, report.severity,
    report.state, report.visibility, report.observed_at, report.received_at, report.due_at,
    responsible.name AS organisation, neighbourhood.name AS neighbourhood, report.description,
    ST_X(report.geom_4326) AS lon, ST_Y(report.geom_4326) AS lat,
    reporter.name AS reporter_organisation, linked.name AS place, stop.name AS nearest_stop, iris.name AS iris,
    qpv.name AS qpv, report.source, report.is_synthetic, report.version,
    report.organisation_id, report.reporter_organisation_id,
    coalesce(report.candidate_ids, '{}') AS candidate_ids, report.asked_organisation_id, asked.name AS asked_organisation,
    report.paused_at, report.escalated_at
FROM report
JOIN category ON category.code = report.category_code
LEFT JOIN organisation AS responsible ON responsible.id = report.organisation_id
LEFT JOIN organisation AS asked ON asked.id = report.asked_organisation_id
LEFT JOIN organisation AS reporter ON reporter.id = report.reporter_organisation_id
LEFT JOIN place AS neighbourhood ON neighbourhood.id = report.neighbourhood_id
LEFT JOIN place AS linked ON linked.id = report.place_id
LEFT JOIN place AS stop ON stop.id = report.nearest_stop_id
LEFT JOIN place AS iris ON iris.id = report.iris_id
LEFT JOIN place AS qpv ON qpv.id = report.qpv_id
