-- An intervention as screens and machines see it: no author. Callers append WHERE, ORDER BY and LIMIT.
-- Reports are counted as far as the actor sees them.
SELECT
    intervention.id, intervention.kind_code AS kind, kind.label_fr AS kind_fr, kind.label_en AS kind_en,
    ST_AsGeoJSON(intervention.geom_4326, 7) AS geometry,
    ST_X(ST_PointOnSurface(intervention.geom_4326)) AS lon, ST_Y(ST_PointOnSurface(intervention.geom_4326)) AS lat,
    intervention.state, intervention.visibility, intervention.planned_start, intervention.planned_end,
    intervention.done_start, intervention.done_end, intervention.starts_at, intervention.ends_at,
    intervention.organisation_id, organisation.name AS organisation, organisation.kind AS organisation_kind,
    intervention.teams, intervention.team_size, intervention.cost_eur, intervention.hours, intervention.description,
    neighbourhood.name AS neighbourhood, intervention.qpv_id, qpv.name AS qpv, intervention.source,
    intervention.is_synthetic, intervention.version,
    (SELECT count(*) FROM intervention_report WHERE intervention_id = intervention.id) AS reports,
    ARRAY(SELECT DISTINCT report.reporter_organisation_id FROM intervention_report
          JOIN report ON report.id = report_id
          WHERE intervention_id = intervention.id AND report.reporter_organisation_id IS NOT NULL)
        AS reporter_organisation_ids
FROM intervention
JOIN intervention_kind AS kind ON kind.code = intervention.kind_code
JOIN organisation ON organisation.id = intervention.organisation_id
LEFT JOIN place AS neighbourhood ON neighbourhood.id = intervention.neighbourhood_id
LEFT JOIN place AS qpv ON qpv.id = intervention.qpv_id
