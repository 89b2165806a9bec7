-- Places that the file has otherwise, or that were closed and come back.
WITH changed AS (
    SELECT place.id, staged.name, staged.geom_4326, kept.attributes || staged.attributes AS attributes,
        place.closed_at IS NOT NULL AS was_closed
    FROM staged_place AS staged
    JOIN place ON place.kind = staged.kind AND place.code = staged.code
    -- The population comes from another file (population.sql).
    CROSS JOIN LATERAL (SELECT CASE WHEN place.attributes ? 'population'
        THEN jsonb_build_object('population', place.attributes -> 'population') ELSE '{}' END AS attributes) AS kept
    WHERE staged.kind = :kind
      AND (place.closed_at IS NOT NULL OR place.name <> staged.name OR place.source <> :source
           OR place.approximate <> :approximate OR place.attributes <> kept.attributes || staged.attributes
           -- Byte for byte: geometry's own "=" calls a ring that starts elsewhere another one too, but costs more.
           OR ST_AsBinary(place.geom_4326) <> ST_AsBinary(staged.geom_4326))
), written AS (
    UPDATE place SET name = changed.name, geom_4326 = changed.geom_4326, attributes = changed.attributes,
        source = :source, approximate = :approximate, import_id = :import_id,
        updated_at = clock_timestamp(), closed_at = NULL
    FROM changed WHERE place.id = changed.id
    RETURNING changed.was_closed
)
SELECT count(*) AS updated, count(*) FILTER (WHERE was_closed) AS reopened FROM written
