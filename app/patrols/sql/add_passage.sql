-- One passage; no row comes back when the id is taken.
INSERT INTO patrol_passage (
    id, patrol_id, stop_id, place_id, name, geom_4326, cell_25m, passed_at, outcome, note, body_sha256, recorded_at)
VALUES (
    :id, :patrol_id, :stop_id, :place_id, :name, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :cell_25m, :passed_at,
    :outcome, :note, :body_sha256, :now)
ON CONFLICT (id) DO NOTHING
