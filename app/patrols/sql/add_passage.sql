-- One passage; no row comes back when the id is taken. A point on the way is called by its neighbourhood.
INSERT INTO patrol_passage (
    id, patrol_id, stop_id, place_id, name, geom_4326, cell_25m, passed_at, outcome, note, body_sha256, recorded_at)
SELECT
    :id, :patrol_id, CAST(:stop_id AS bigint), :place_id,
    coalesce(:name, CASE WHEN CAST(:stop_id AS bigint) IS NULL THEN
        (SELECT name FROM place WHERE id = (places_of(here.point)).neighbourhood_id) END),
    here.point, :cell_25m, :passed_at, :outcome, :note, :body_sha256, :now
FROM (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS point) AS here
ON CONFLICT (id) DO NOTHING
