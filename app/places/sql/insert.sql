WITH written AS (
    INSERT INTO place (kind, code, name, geom_4326, attributes, source, approximate, import_id)
    SELECT kind, code, name, geom_4326, attributes, :source, :approximate, :import_id
    FROM staged_place AS staged
    WHERE staged.kind = :kind
      AND NOT EXISTS (SELECT FROM place WHERE place.kind = staged.kind AND place.code = staged.code)
    ORDER BY row_number
    RETURNING 1
)
SELECT count(*) FROM written
