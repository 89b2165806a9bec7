-- One thing at one place, reported twice: found while reporting, merged afterwards, counted when it comes back (0016).

-- ── How near is the same place ────────────────────────────────────────────────────────────────────────────────────────

-- In metres, up to where two reports may be of one thing. By theme; a category may say its own (NULL: the theme's).
-- 200 m at most: the squares of the lattice are looked up one by one.
ALTER TABLE theme ADD COLUMN duplicate_distance_m smallint NOT NULL DEFAULT 30
    CHECK (duplicate_distance_m BETWEEN 5 AND 200);
ALTER TABLE category ADD COLUMN duplicate_distance_m smallint CHECK (duplicate_distance_m BETWEEN 5 AND 200);
-- A hole in the road has a place to a few metres, a gathering has not.
UPDATE theme SET duplicate_distance_m = by_theme.metres FROM (VALUES
    ('cleanliness', 30), ('street', 25), ('building', 25), ('vehicles', 20), ('tranquillity', 75), ('transport', 40),
    ('services', 50), ('schools', 75)) AS by_theme (code, metres)
WHERE theme.code = by_theme.code;

-- ── Merging ───────────────────────────────────────────────────────────────────────────────────────────────────────────

-- What somebody said: this is the same as that. The one that is kept in the end is kept_report().
ALTER TABLE report ADD COLUMN duplicate_of uuid REFERENCES report,
    ADD CONSTRAINT report_duplicate_check CHECK (duplicate_of IS NULL OR (state = 'duplicate' AND duplicate_of <> id));
CREATE INDEX report_duplicate_idx ON report (duplicate_of) WHERE duplicate_of IS NOT NULL;

-- The functions below look at the register as the system does, and give away ids, states and numbers only: a group is the
-- same whoever asks. Who may ask has read one of its reports before; a restricted report is only merged with restricted ones.
-- Not `SET app.role` on the function: that would need a superuser's grant. A failure in between undoes set_config too.

-- The report that a merged one counts with in the end, and its state; no row when it was not merged.
CREATE FUNCTION kept_report(merged uuid) RETURNS TABLE (kept_id uuid, kept_state text) LANGUAGE plpgsql STABLE AS $$
DECLARE
    asking text := current_setting('app.role', true);
BEGIN
    PERFORM set_config('app.role', 'system', true);
    RETURN QUERY WITH RECURSIVE upwards AS (
        SELECT report.id, report.duplicate_of, report.state FROM report WHERE report.id = merged
        UNION
        SELECT report.id, report.duplicate_of, report.state FROM upwards JOIN report ON report.id = upwards.duplicate_of
    )
    SELECT upwards.id, upwards.state FROM upwards WHERE upwards.duplicate_of IS NULL AND upwards.id <> merged;
    PERFORM set_config('app.role', asking, true);
END $$;

-- For each of these reports: how many were merged into it, directly or through another one, and what people on the spot
-- said of any of them.
CREATE FUNCTION report_groups(kept uuid[])
RETURNS TABLE (kept_id uuid, merged bigint, still_there bigint, last_still_there timestamptz, gone bigint,
               last_gone timestamptz)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    asking text := current_setting('app.role', true);
BEGIN
    PERFORM set_config('app.role', 'system', true);
    RETURN QUERY WITH RECURSIVE members AS (
        SELECT wanted.id AS top_id, wanted.id FROM unnest(kept) AS wanted (id)
        UNION
        SELECT members.top_id, report.id FROM members JOIN report ON report.duplicate_of = members.id
    )
    SELECT members.top_id, count(DISTINCT members.id) - 1,
        count(*) FILTER (WHERE event.kind = 'still_there'), max(event.at) FILTER (WHERE event.kind = 'still_there'),
        count(*) FILTER (WHERE event.kind = 'gone'), max(event.at) FILTER (WHERE event.kind = 'gone')
    FROM members LEFT JOIN report_event AS event
        ON event.report_id = members.id AND event.kind IN ('still_there', 'gone')
    GROUP BY members.top_id;
    PERFORM set_config('app.role', asking, true);
END $$;

-- Until the transaction ends, nobody else merges, and nobody changes these reports. One lock for all merges: they are
-- rare and short, and no order of two of them can make a circle or a deadlock.
CREATE FUNCTION lock_for_merge(wanted uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    asking text := current_setting('app.role', true);
BEGIN
    PERFORM pg_advisory_xact_lock(16, 80021);
    PERFORM set_config('app.role', 'system', true);
    PERFORM FROM report WHERE id = ANY (wanted) ORDER BY id FOR NO KEY UPDATE;
    PERFORM set_config('app.role', asking, true);
END $$;

-- The floor under the application's own check.
CREATE FUNCTION refuse_merge_circle() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asking text := current_setting('app.role', true);
    above uuid := NEW.duplicate_of;
BEGIN
    PERFORM pg_advisory_xact_lock(16, 80021);
    PERFORM set_config('app.role', 'system', true);
    WHILE above IS NOT NULL LOOP
        IF above = NEW.id THEN
            RAISE EXCEPTION 'report % would be a duplicate of itself', NEW.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        SELECT duplicate_of INTO above FROM report WHERE id = above;
    END LOOP;
    PERFORM set_config('app.role', asking, true);
    RETURN NEW;
END $$;
CREATE TRIGGER report_merge_circle BEFORE UPDATE OF duplicate_of ON report FOR EACH ROW
    WHEN (NEW.duplicate_of IS NOT NULL) EXECUTE FUNCTION refuse_merge_circle();
