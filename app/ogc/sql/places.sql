-- One text a reference place: a GeoJSON feature (RFC 7946), seven digits, rings the way RFC 7946 wants them (lines as
-- they are: the function would turn them around). A caller puts its page where the table stands.
SELECT json_build_object(
    'type', 'Feature', 'id', place.id,
    'geometry', ST_AsGeoJSON(CASE ST_Dimension(place.geom_4326) WHEN 2 THEN ST_ForcePolygonCCW(place.geom_4326)
        ELSE place.geom_4326 END, 7)::json,
    'properties', json_build_object(
        'id', place.id, 'code', place.code, 'name', place.name, 'kind', place.kind,
        'organisation', organisation.name, 'approximate', place.approximate, 'territory', place.is_territory,
        'short_name', place.attributes -> 'short_name', 'colour', place.attributes -> 'colour',
        'population', place.attributes -> 'population', 'dwellings', place.attributes -> 'dwellings',
        'source', place.source))::text
FROM place
LEFT JOIN organisation ON organisation.id = place.organisation_id
