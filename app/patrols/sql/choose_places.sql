-- Places that a round can stop at, those of the actor's organisation first; the posts of one stop are one place.
SELECT id, kind, name, lon, lat, is_own, neighbourhood FROM (
    SELECT DISTINCT ON (place.kind, coalesce(place.attributes ->> 'area', place.code))
        place.id, place.kind, place.name,
        ST_X(ST_PointOnSurface(place.geom_4326)) AS lon, ST_Y(ST_PointOnSurface(place.geom_4326)) AS lat,
        coalesce(place.organisation_id = :organisation_id, false) AS is_own, around.name AS neighbourhood
    FROM place
    LEFT JOIN LATERAL (
        SELECT name FROM place AS area
        WHERE area.kind = 'neighbourhood' AND area.closed_at IS NULL
            AND ST_Covers(area.geom_4326, ST_PointOnSurface(place.geom_4326))
        ORDER BY area.approximate, area.id LIMIT 1
    ) AS around ON place.kind <> 'neighbourhood'
    WHERE place.closed_at IS NULL AND place.kind = :kind
        AND (NOT :only_own OR place.organisation_id = :organisation_id)
        AND (place.name || ' ' || coalesce(around.name, '')) ILIKE :pattern
    ORDER BY place.kind, coalesce(place.attributes ->> 'area', place.code), place.id
) AS found
ORDER BY NOT is_own, name, id
LIMIT :most
