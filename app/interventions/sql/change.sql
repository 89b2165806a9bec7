-- New details, if the intervention is still as its editor saw it. The trigger counts the version up.
UPDATE intervention SET
    kind_code = :kind, geom_4326 = shape.geom_4326, cell_25m = :cell_25m, visibility = :visibility,
    planned_start = :planned_start, planned_end = :planned_end, done_start = :done_start, done_end = :done_end,
    teams = :teams, team_size = :team_size, cost_eur = :cost_eur, hours = :hours, description = :description,
    neighbourhood_id = located.neighbourhood_id, qpv_id = located.qpv_id
FROM (SELECT ST_SetSRID(ST_GeomFromGeoJSON(:geometry), 4326) AS geom_4326) AS shape
CROSS JOIN LATERAL places_of(ST_PointOnSurface(shape.geom_4326)) AS located
WHERE intervention.id = :id AND intervention.version = :version
