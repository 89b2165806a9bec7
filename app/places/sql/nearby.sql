-- The box in degrees finds the candidates by index; the distance is then measured in metres of EPSG:2154.
WITH here AS (
    SELECT ST_Transform(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 2154) AS point_2154
), box AS (
    SELECT point_2154, ST_Envelope(ST_Transform(ST_Expand(point_2154, :radius_m * 1.01 + 1), 4326)) AS box_4326 FROM here
), near AS (
    SELECT place.id, place.kind, place.code, place.name, place.approximate,
        coalesce(place.attributes ->> 'area', place.code) AS one_of,
        ST_Distance(ST_Transform(place.geom_4326, 2154), box.point_2154) AS distance_m
    FROM box JOIN place ON place.geom_4326 && box.box_4326
    WHERE place.closed_at IS NULL AND place.kind = ANY (:kinds)
), nearest_of_area AS (
    -- The two sides of a street are one stop to whoever chooses from a list.
    SELECT DISTINCT ON (kind, one_of) * FROM near WHERE distance_m <= :radius_m ORDER BY kind, one_of, distance_m, id
)
SELECT id, kind, code, name, approximate, distance_m FROM nearest_of_area ORDER BY distance_m, id LIMIT :most
