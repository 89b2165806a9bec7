-- One intervention at its place; no row comes back when the id is taken.
WITH shape AS MATERIALIZED (
    SELECT ST_SetSRID(ST_GeomFromGeoJSON(:geometry), 4326) AS geom_4326
)
INSERT INTO intervention (
    id, kind_code, geom_4326, cell_25m, state, visibility, planned_start, planned_end, done_start, done_end,
    organisation_id, author_organisation_id, author_account_id, teams, team_size, cost_eur, hours, description,
    neighbourhood_id, qpv_id, source, is_synthetic, body_sha256, created_at)
SELECT
    :id, :kind, shape.geom_4326, :cell_25m, :state, :visibility, :planned_start, :planned_end, :done_start, :done_end,
    :organisation_id, :author_organisation_id, :author_account_id, :teams, :team_size, :cost_eur, :hours, :description,
    located.neighbourhood_id, located.qpv_id, :source, :is_synthetic, :body_sha256, :now
FROM shape CROSS JOIN LATERAL places_of(ST_PointOnSurface(shape.geom_4326)) AS located
ON CONFLICT (id) DO NOTHING
