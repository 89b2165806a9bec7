-- The batch becomes reports, placed and routed like a single one (submit.sql), each with the first line of its history.
WITH routed AS MATERIALIZED (
    SELECT code, place_id, default_organisation(responsible, place_id) AS organisation_id
    FROM (SELECT DISTINCT category_code, place_id FROM bulk_stage) AS kinds
    JOIN category ON category.code = category_code
), point AS MATERIALIZED (
    SELECT bulk_stage.*, ST_SetSRID(ST_MakePoint(lon, lat), 4326) AS geom_4326 FROM bulk_stage
), added AS (
    INSERT INTO report (
        id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at, received_at, due_at,
        description, organisation_id, reporter_organisation_id,
        neighbourhood_id, iris_id, qpv_id, nearest_stop_id, place_id, source, source_ref, is_synthetic)
    SELECT
        point.id, point.category_code, point.geom_4326, point.cell_25m,
        coalesce(point.severity, category.default_severity), point.state, category.visibility, point.observed_at,
        point.received_at, point.received_at + make_interval(hours => category.deadline_hours), point.description,
        routed.organisation_id, :organisation_id,
        located.neighbourhood_id, located.iris_id, located.qpv_id, located.nearest_stop_id, point.place_id,
        :source, point.source_ref, :is_synthetic
    FROM point
    JOIN category ON category.code = point.category_code
    JOIN routed ON routed.code = point.category_code AND routed.place_id IS NOT DISTINCT FROM point.place_id
    CROSS JOIN LATERAL places_of(point.geom_4326) AS located
    ORDER BY point.ordinal
    ON CONFLICT DO NOTHING
    RETURNING id, organisation_id
)
INSERT INTO report_event (report_id, at, kind, to_state, organisation_id, role, details)
SELECT added.id, bulk_stage.received_at, 'created', 'new', :organisation_id, :role,
    jsonb_strip_nulls(jsonb_build_object(
        'source', CAST(:source AS text), 'source_ref', bulk_stage.source_ref, 'responsible_id', added.organisation_id))
FROM added JOIN bulk_stage USING (id)
ORDER BY bulk_stage.ordinal
