-- One round trip: place the point, route it, store the report and the first line of its history.
-- No row comes back when the id is taken, or when the linked place does not exist (linked_known says which).
WITH point AS MATERIALIZED (
    SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS geom_4326
), routed AS MATERIALIZED (
    SELECT organisation_id, candidate_ids, details
    FROM point CROSS JOIN LATERAL route(:category, point.geom_4326, :place_id, :observed_at)
), added AS (
    INSERT INTO report (
        id, category_code, geom_4326, cell_25m, severity, visibility, observed_at, received_at, due_at, description,
        organisation_id, candidate_ids, reporter_organisation_id, reporter_account_id,
        neighbourhood_id, iris_id, qpv_id, nearest_stop_id, place_id, source, body_sha256)
    SELECT
        :id, :category, point.geom_4326, :cell_25m, :severity, :visibility, :observed_at, :now,
        :due_at, :description, routed.organisation_id, routed.candidate_ids, :organisation_id, :account_id,
        located.neighbourhood_id, located.iris_id, located.qpv_id, located.nearest_stop_id, :place_id, :source,
        :body_sha256
    FROM point CROSS JOIN routed CROSS JOIN LATERAL places_of(point.geom_4326) AS located
    WHERE CAST(:place_id AS bigint) IS NULL
        OR EXISTS (SELECT FROM place WHERE place.id = :place_id AND place.closed_at IS NULL)
    ON CONFLICT (id) DO NOTHING
    RETURNING id, organisation_id
), event AS (
    INSERT INTO report_event (report_id, at, kind, to_state, organisation_id, account_id, role, details)
    SELECT added.id, :now, 'created', 'new', :organisation_id, :account_id, :role,
        jsonb_build_object('source', CAST(:source AS text), 'responsible_id', added.organisation_id,
                           'routing', routed.details)
    FROM added CROSS JOIN routed
)
SELECT
    EXISTS (SELECT FROM added) AS was_added,
    CAST(:place_id AS bigint) IS NULL
        OR EXISTS (SELECT FROM place WHERE place.id = :place_id AND place.closed_at IS NULL) AS linked_known
