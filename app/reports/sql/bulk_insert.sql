-- The batch becomes reports, each with the first line of its history, as in submit.sql.
WITH added AS (
    INSERT INTO report (
        id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at, received_at, due_at,
        description, organisation_id, candidate_ids, reporter_organisation_id,
        neighbourhood_id, iris_id, qpv_id, nearest_stop_id, place_id, source, source_ref, is_synthetic)
    SELECT
        staged.id, staged.category_code, staged.geom_4326, staged.cell_25m,
        staged.severity, staged.state,
        CASE WHEN :partners_only AND category.visibility = 'public' THEN 'partner' ELSE category.visibility END,
        staged.observed_at,
        staged.received_at, staged.due_at, staged.description,
        routed.organisation_id, routed.candidate_ids, :organisation_id,
        located.neighbourhood_id, located.iris_id, located.qpv_id, located.nearest_stop_id, staged.place_id,
        :source, staged.source_ref, :is_synthetic
    FROM bulk_stage AS staged
    JOIN category ON category.code = staged.category_code
    JOIN bulk_located AS located USING (ordinal)
    JOIN bulk_routed AS routed USING (ordinal)
    ORDER BY ordinal
    ON CONFLICT DO NOTHING
    RETURNING id, organisation_id
)
INSERT INTO report_event (report_id, at, kind, to_state, organisation_id, role, details)
SELECT added.id, staged.received_at, 'created', 'new', :organisation_id, :role,
    jsonb_strip_nulls(jsonb_build_object(
        'source', CAST(:source AS text), 'source_ref', staged.source_ref, 'responsible_id', added.organisation_id,
        'import', CAST(:import_id AS text), 'routing', routed.details))
FROM added JOIN bulk_stage AS staged USING (id) JOIN bulk_routed AS routed USING (ordinal)
ORDER BY ordinal
