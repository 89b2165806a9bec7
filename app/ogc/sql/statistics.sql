-- One text a neighbourhood with its counts, which the caller has made. A caller puts its page where the table stands.
SELECT concat('{"type":"Feature","id":', statistic.id,
    ',"geometry":', ST_AsGeoJSON(ST_ForcePolygonCCW(statistic.geom_4326), 7),
    ',"properties":', statistic.properties, '}')
FROM statistic
