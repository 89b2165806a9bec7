-- Places that a round can stop at, those of the actor's organisation first; the posts of one stop are one place.
-- The neighbourhood is looked up for the rows that are shown, not for every place of a town.
WITH one_each AS (
    SELECT DISTINCT ON (coalesce(attributes ->> 'area', code)) id, kind, name, ST_PointOnSurface(geom_4326) AS point,
        coalesce(organisation_id = :organisation_id, false) AS is_own
    FROM place
    WHERE closed_at IS NULL AND kind = :kind
        AND (name ILIKE :pattern OR EXISTS (
            SELECT FROM place AS area
            WHERE area.kind = 'neighbourhood' AND area.closed_at IS NULL AND area.name ILIKE :pattern
                AND ST_Covers(area.geom_4326, ST_PointOnSurface(place.geom_4326))))
    ORDER BY coalesce(attributes ->> 'area', code), id
), shown AS (
    SELECT * FROM one_each ORDER BY NOT is_own, name, id LIMIT :most
)
SELECT id, kind, name, ST_X(point) AS lon, ST_Y(point) AS lat, is_own,
    (SELECT name FROM place AS area
     WHERE shown.kind <> 'neighbourhood' AND area.kind = 'neighbourhood' AND area.closed_at IS NULL
         AND ST_Covers(area.geom_4326, shown.point)
     ORDER BY area.approximate, area.id LIMIT 1) AS neighbourhood
FROM shown ORDER BY NOT is_own, name, id
