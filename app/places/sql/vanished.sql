-- Open places of this kind and source that the file no longer has. :only narrows it to the communes that were asked for.
CREATE TEMPORARY TABLE vanished_place ON COMMIT DROP AS
SELECT place.id FROM place
WHERE place.kind = :kind AND place.source = :source AND place.closed_at IS NULL
  AND (CAST(:only AS text[]) IS NULL OR jsonb_exists_any(place.attributes -> 'insee', CAST(:only AS text[])))
  AND NOT EXISTS (SELECT FROM staged_place AS staged WHERE staged.kind = place.kind AND staged.code = place.code)
  AND NOT EXISTS (SELECT FROM refused_place AS refused WHERE refused.kind = place.kind AND refused.code = place.code)
