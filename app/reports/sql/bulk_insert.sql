-- The batch becomes reports, placed and routed like a single one (submit.sql), each with the first line of its history.
WITH point AS MATERIALIZED (
    SELECT bulk_stage.*, ST_SetSRID(ST_MakePoint(lon, lat), 4326) AS geom_4326 FROM bulk_stage
), routed AS MATERIALIZED (
    SELECT point.id, routed.*
    FROM point CROSS JOIN LATERAL route(category_code, geom_4326, place_id, observed_at) AS routed
), added AS (
    INSERT INTO report (
        id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at, received_at, due_at,
        description, organisation_id, candidate_ids, reporter_organisation_id,
        neighbourhood_id, iris_id, qpv_id, nearest_stop_id, place_id, source, source_ref, is_synthetic)
    SELECT
        point.id, point.category_code, point.geom_4326, point.cell_25m,
        coalesce(point.severity, category.default_severity), point.state, category.visibility, point.observed_at,
        point.received_at, point.due_at, point.description,
        routed.organisation_id, routed.candidate_ids, :organisation_id,
        located.neighbourhood_id, located.iris_id, located.qpv_id, located.nearest_stop_id, point.place_id,
        :source, point.source_ref, :is_synthetic
    FROM point
    JOIN category ON category.code = point.category_code
    JOIN routed ON routed.id = point.id
    CROSS JOIN LATERAL places_of(point.geom_4326) AS located
    ORDER BY point.ordinal
    ON CONFLICT DO NOTHING
    RETURNING id, organisation_id
)
INSERT INTO report_event (report_id, at, kind, to_state, organisation_id, role, details)
SELECT added.id, bulk_stage.received_at, 'created', 'new', :organisation_id, :role,
    jsonb_strip_nulls(jsonb_build_object(
        'source', CAST(:source AS text), 'source_ref', bulk_stage.source_ref, 'responsible_id', added.organisation_id,
        'routing', routed.details))
FROM added JOIN bulk_stage USING (id) JOIN routed USING (id)
ORDER BY bulk_stage.ordinal
