-- The neighbourhoods whose counts are given, with their shapes.
SELECT given.id, given.properties, place.geom_4326
FROM json_to_recordset(CAST(:statistics AS json)) AS given (id bigint, properties json)
JOIN public.place ON place.id = given.id
