-- The residents of each IRIS beside what its contours' file says of it.
WITH given AS (
    SELECT code, to_jsonb(residents) AS residents
    FROM unnest(CAST(:codes AS text[]), CAST(:residents AS float8[])) AS file (code, residents)
), known AS (
    SELECT place.id, given.residents, place.attributes -> 'population' IS DISTINCT FROM given.residents AS is_new
    FROM given JOIN place ON place.kind = 'iris' AND place.code = given.code AND place.closed_at IS NULL
), written AS (
    UPDATE place SET attributes = place.attributes || jsonb_build_object('population', known.residents),
        updated_at = clock_timestamp()
    FROM known WHERE place.id = known.id AND known.is_new
)
SELECT count(*) AS known, count(*) FILTER (WHERE is_new) AS updated FROM known
