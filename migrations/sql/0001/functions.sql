-- Where a point lies, and who answers for it by default: one definition for the form, the bulk load and re-location.

-- The reference places of a point (EPSG:4326); the nearest stop counts up to 250 m.
CREATE FUNCTION places_of(point geometry, OUT neighbourhood_id bigint, OUT iris_id bigint, OUT qpv_id bigint,
                          OUT nearest_stop_id bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    -- Official polygons come before approximate ones; the id decides between neighbours that share an edge.
    SELECT place.id INTO neighbourhood_id FROM place
        WHERE kind = 'neighbourhood' AND closed_at IS NULL AND ST_Covers(geom_4326, point)
        ORDER BY approximate, place.id LIMIT 1;
    SELECT place.id INTO iris_id FROM place
        WHERE kind = 'iris' AND closed_at IS NULL AND ST_Covers(geom_4326, point) ORDER BY place.id LIMIT 1;
    SELECT place.id INTO qpv_id FROM place
        WHERE kind = 'qpv' AND closed_at IS NULL AND ST_Covers(geom_4326, point) ORDER BY place.id LIMIT 1;
    -- 0.004° of longitude is at least 250 m anywhere south of 56° north.
    SELECT near.id INTO nearest_stop_id FROM (
        SELECT place.id, ST_DistanceSphere(geom_4326, point) AS distance_m FROM place
        WHERE kind = 'stop' AND closed_at IS NULL AND geom_4326 && ST_Expand(point, 0.004, 0.004)
    ) AS near WHERE distance_m <= 250 ORDER BY distance_m, near.id LIMIT 1;
END $$;

-- The organisation that answers for a category at a linked place, until routing rules say otherwise.
CREATE FUNCTION default_organisation(responsible text, linked_place_id bigint) RETURNS integer
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    found integer;
    wanted text := CASE responsible
        WHEN 'city' THEN 'city' WHEN 'landlord' THEN 'landlord' WHEN 'transport' THEN 'transport_operator'
        WHEN 'police' THEN 'police' WHEN 'school' THEN 'school_authority' ELSE 'city' END;
BEGIN
    IF linked_place_id IS NOT NULL AND responsible IN ('by_place', 'landlord', 'school', 'transport') THEN
        SELECT organisation_id INTO found FROM place WHERE id = linked_place_id;
        IF found IS NOT NULL THEN
            RETURN found;
        END IF;
    END IF;
    -- With several of a kind (two landlords) a guess would be wrong half of the time: the city then sorts it out.
    SELECT min(id) INTO found FROM organisation WHERE kind = wanted HAVING count(*) = 1 OR wanted = 'city';
    IF found IS NULL THEN
        SELECT min(id) INTO found FROM organisation WHERE kind = 'city';
    END IF;
    RETURN found;
END $$;
