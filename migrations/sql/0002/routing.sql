-- Who answers for a report: rules as data, the guess when none fits, and what moves through the workflow need to know.

CREATE TABLE routing_rule (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The first active rule that fits decides.
    position integer NOT NULL,
    label text NOT NULL CHECK (length(label) BETWEEN 1 AND 120),
    active boolean NOT NULL DEFAULT true,
    -- Conditions: what is NULL is no condition.
    category_code text REFERENCES category,
    theme_code text REFERENCES theme,
    place_kind text CHECK (place_kind IN (
        'commune', 'neighbourhood', 'iris', 'qpv', 'stop', 'line', 'residence', 'school')),
    zone_place_id bigint REFERENCES place,
    zone_4326 geometry(MultiPolygon, 4326) CHECK (ST_IsValid(zone_4326) AND NOT ST_IsEmpty(zone_4326)),
    -- ISO days (1 Monday … 7 Sunday) and times of Europe/Paris; a window over midnight belongs to the day it begins.
    weekdays smallint[] CHECK (weekdays <@ ARRAY[1, 2, 3, 4, 5, 6, 7]::smallint[] AND cardinality(weekdays) > 0),
    from_time time,
    to_time time,
    organisation_id integer NOT NULL REFERENCES organisation,
    version integer NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CHECK (category_code IS NULL OR theme_code IS NULL),
    CHECK (zone_place_id IS NULL OR zone_4326 IS NULL),
    CHECK ((from_time IS NULL) = (to_time IS NULL) AND from_time IS DISTINCT FROM to_time OR from_time IS NULL)
);
CREATE INDEX routing_rule_position_idx ON routing_rule (position, id);

-- candidate_ids: who might answer when the place does not say which one. passed_by: who sent it on last.
-- paused_at: the clock stands still while somebody else owes an answer; asked_organisation_id is who was asked last.
ALTER TABLE report
    ADD COLUMN candidate_ids integer[],
    ADD COLUMN passed_by_organisation_id integer REFERENCES organisation,
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN asked_organisation_id integer REFERENCES organisation,
    ADD COLUMN escalated_at timestamptz,
    ADD CONSTRAINT report_pause_check CHECK (paused_at IS NULL OR asked_organisation_id IS NOT NULL);
-- Only what can be late: a few percent of the register.
CREATE INDEX report_due_idx ON report (organisation_id, due_at)
    WHERE state IN ('new', 'acknowledged', 'assigned', 'in_progress', 'reopened');
CREATE INDEX report_overdue_idx ON report (due_at)
    WHERE state IN ('new', 'acknowledged', 'assigned', 'in_progress', 'reopened');
CREATE INDEX report_asked_idx ON report (asked_organisation_id) WHERE paused_at IS NOT NULL;

-- How near a point must be to a place of this kind to be "at" it, in metres; 0: inside.
CREATE FUNCTION reach_m(place_kind text) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT CASE place_kind WHEN 'stop' THEN 25 WHEN 'residence' THEN 15 WHEN 'school' THEN 50 WHEN 'line' THEN 15
        ELSE 0 END::double precision $$;

-- The square of ± so many metres around a point (EPSG:4326): cheap, and good to a few centimetres at these sizes.
CREATE FUNCTION square_around(point geometry, half_m double precision) RETURNS geometry
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT ST_Expand(point, half_m / (111320 * cos(radians(ST_Y(point)))), half_m / 111320) $$;

-- The open places of a kind that a point is at, the nearest first.
CREATE FUNCTION places_at(wanted_kind text, point geometry)
RETURNS TABLE (place_id bigint, place_name text, organisation_id integer, distance_m double precision)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT near.id, near.name, near.organisation_id, near.distance_m FROM (
        SELECT place.id, place.name, place.organisation_id,
            CASE WHEN ST_Dimension(place.geom_4326) = 2 AND ST_Covers(place.geom_4326, point) THEN 0
                ELSE ST_Distance(place.geom_4326::geography, point::geography) END AS distance_m
        FROM place
        WHERE place.kind = wanted_kind AND place.closed_at IS NULL
            AND place.geom_4326 && square_around(point, reach_m(wanted_kind) + 1)
    ) AS near
    WHERE near.distance_m <= reach_m(wanted_kind)
    ORDER BY near.distance_m, near.id
$$;

-- Whether a moment (local time of Europe/Paris) lies in a rule's days and hours. One expression: PostgreSQL inlines it.
CREATE FUNCTION in_hours(local_at timestamp, weekdays smallint[], from_time time, to_time time) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        CASE
            WHEN from_time IS NULL THEN true
            WHEN from_time < to_time THEN local_at::time >= from_time AND local_at::time < to_time
            ELSE local_at::time >= from_time OR local_at::time < to_time
        END
        AND (weekdays IS NULL OR extract(isodow FROM
            CASE WHEN from_time > to_time AND local_at::time < to_time THEN local_at - interval '1 day' ELSE local_at END
        )::smallint = ANY (weekdays))
$$;

-- The organisation without rules: one row when it is clear, several when the place does not say which one.
-- by: place, stop, residence, school (that place's organisation), category (the only one of its kind), city.
CREATE FUNCTION route_by_place(responsible text, point geometry, linked_place_id bigint)
RETURNS TABLE (organisation_id integer, details jsonb) LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    linked record;
    at_kind text := CASE responsible WHEN 'transport' THEN 'stop' WHEN 'school' THEN 'school'
        WHEN 'landlord' THEN 'residence' WHEN 'by_place' THEN 'residence' END;
    -- Not `found`: that would hide what RETURN QUERY says.
    usual_id integer;
BEGIN
    IF linked_place_id IS NOT NULL AND at_kind IS NOT NULL THEN
        SELECT place.organisation_id AS owner, place.name INTO linked FROM place WHERE place.id = linked_place_id;
        IF linked.owner IS NOT NULL THEN
            RETURN QUERY SELECT linked.owner, jsonb_build_object('by', 'place', 'place', linked.name);
            RETURN;
        END IF;
    END IF;
    IF at_kind IS NOT NULL THEN
        -- Two organisations less than five metres apart: nobody standing there could tell.
        RETURN QUERY
            SELECT near.owner, jsonb_build_object('by', at_kind, 'place', near.place_name,
                                                  'distance_m', round(near.distance_m::numeric, 1))
            FROM (
                SELECT DISTINCT ON (place_at.organisation_id) place_at.organisation_id AS owner, place_at.place_name,
                    place_at.distance_m, min(place_at.distance_m) OVER () AS nearest_m
                FROM places_at(at_kind, point) AS place_at WHERE place_at.organisation_id IS NOT NULL
                ORDER BY place_at.organisation_id, place_at.distance_m
            ) AS near
            WHERE near.distance_m - near.nearest_m < 5
            ORDER BY near.distance_m, near.owner LIMIT 3;
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    usual_id := default_organisation(responsible, linked_place_id);
    IF usual_id IS NOT NULL THEN
        RETURN QUERY SELECT usual_id, jsonb_build_object('by', CASE
            WHEN responsible IN ('city', 'by_place') OR (SELECT kind = 'city' FROM organisation WHERE id = usual_id)
                THEN 'city' ELSE 'category' END);
    END IF;
END $$;

-- Who answers for a report of this category at this point (EPSG:4326) and time. One definition for the form, the
-- bulk load, the preview and the dry run.
-- organisation_id is NULL with two or three candidate_ids when the point is so near a boundary that a person must say;
-- details says why: {by, …} or {by: candidates, candidates: [{organisation_id, organisation, by, …}]}.
CREATE FUNCTION route(wanted_category text, point geometry, linked_place_id bigint, seen_at timestamptz,
                      OUT organisation_id integer, OUT candidate_ids integer[], OUT details jsonb)
-- A plan made once, not for every row of a bulk load: planning takes longer than looking.
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    wanted record;
    rule record;
    guess record;
    margin geometry := square_around(point, 5);
    local_at timestamp := seen_at AT TIME ZONE 'Europe/Paris';
    is_area boolean;
    settled boolean := false;
    found_ids integer[] := '{}';
    found_why jsonb[] := '{}';
BEGIN
    SELECT theme_code, responsible INTO wanted FROM category WHERE code = wanted_category;
    FOR rule IN
        SELECT routing_rule.id, label, routing_rule.organisation_id AS owner, place_kind, zone_place_id,
            zone.kind AS zone_kind, coalesce(zone_4326, zone.geom_4326) AS zone_4326
        FROM routing_rule LEFT JOIN place AS zone ON zone.id = zone_place_id
        WHERE active
            AND (category_code IS NULL OR category_code = wanted_category)
            AND (theme_code IS NULL OR theme_code = wanted.theme_code)
            AND (weekdays IS NULL AND from_time IS NULL OR in_hours(local_at, weekdays, from_time, to_time))
        ORDER BY position, routing_rule.id
    LOOP
        is_area := rule.zone_4326 IS NOT NULL AND ST_Dimension(rule.zone_4326) = 2;
        CONTINUE WHEN is_area AND NOT ST_Intersects(rule.zone_4326, margin);
        CONTINUE WHEN NOT is_area AND rule.zone_4326 IS NOT NULL AND rule.zone_place_id IS DISTINCT FROM linked_place_id
            AND ST_Distance(rule.zone_4326::geography, point::geography) > reach_m(rule.zone_kind);
        CONTINUE WHEN rule.place_kind IS NOT NULL
            AND NOT EXISTS (SELECT FROM place WHERE id = linked_place_id AND kind = rule.place_kind)
            AND NOT EXISTS (SELECT FROM places_at(rule.place_kind, point));
        IF NOT rule.owner = ANY (found_ids) THEN
            found_ids := found_ids || rule.owner;
            found_why := found_why || jsonb_build_object('by', 'rule', 'rule_id', rule.id, 'rule', rule.label);
        END IF;
        -- On the edge of the rule's area, what comes next may be as right.
        settled := NOT is_area OR ST_Covers(rule.zone_4326, margin);
        EXIT WHEN settled;
    END LOOP;
    IF NOT settled THEN
        FOR guess IN SELECT * FROM route_by_place(wanted.responsible, point, linked_place_id) LOOP
            IF NOT guess.organisation_id = ANY (found_ids) THEN
                found_ids := found_ids || guess.organisation_id;
                found_why := found_why || guess.details;
            END IF;
        END LOOP;
    END IF;
    IF cardinality(found_ids) <= 1 THEN
        organisation_id := found_ids[1];
        details := coalesce(found_why[1], jsonb_build_object('by', 'nobody'));
        RETURN;
    END IF;
    candidate_ids := found_ids[1:3];
    SELECT jsonb_build_object('by', 'candidates', 'candidates', jsonb_agg(
        jsonb_build_object('organisation_id', organisation.id, 'slug', organisation.slug,
                           'organisation', organisation.name) || candidate.why ORDER BY ordinal))
    INTO details
    FROM unnest(candidate_ids, found_why[1:3]) WITH ORDINALITY AS candidate (id, why, ordinal)
    JOIN organisation ON organisation.id = candidate.id;
END $$;

-- ── What the application role may ─────────────────────────────────────────────────────────────────────────────────────

GRANT SELECT, INSERT, UPDATE, DELETE ON routing_rule TO quietude_app;
ALTER TABLE routing_rule ENABLE ROW LEVEL SECURITY;
ALTER TABLE routing_rule FORCE ROW LEVEL SECURITY;
-- Whoever reports is routed by the rules, so everybody signed in reads them; coordinators make them.
CREATE POLICY routing_rule_read ON routing_rule FOR SELECT TO quietude_app
    USING ((SELECT actor_role()) IN ('system', 'agent', 'partner', 'planner', 'coordinator', 'admin'));
CREATE POLICY routing_rule_add ON routing_rule FOR INSERT TO quietude_app
    WITH CHECK ((SELECT actor_role()) IN ('system', 'coordinator'));
CREATE POLICY routing_rule_change ON routing_rule FOR UPDATE TO quietude_app
    USING ((SELECT actor_role()) IN ('system', 'coordinator'));
CREATE POLICY routing_rule_remove ON routing_rule FOR DELETE TO quietude_app
    USING ((SELECT actor_role()) IN ('system', 'coordinator'));

-- Three ways to see a restricted report besides answering for it or having reported it: somebody asked you about it,
-- you may be the one who answers for it, or you have just sent it on (until the next one has taken it).
CREATE POLICY report_read_involved ON report FOR SELECT TO quietude_app USING (
    (SELECT actor_role()) IN ('agent', 'partner') AND (
        (asked_organisation_id = (SELECT actor_organisation())
            AND state IN ('new', 'acknowledged', 'assigned', 'in_progress', 'reopened'))
        OR (state = 'new' AND (SELECT actor_organisation()) = ANY (candidate_ids))
        OR (state = 'new' AND passed_by_organisation_id = (SELECT actor_organisation()))));

-- A partner changes what it answers for: afterwards it still answers for it, or has sent it on as itself.
DROP POLICY report_change ON report;
CREATE POLICY report_change ON report FOR UPDATE TO quietude_app USING (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'coordinator' THEN true
        WHEN 'partner' THEN organisation_id = (SELECT actor_organisation())
        ELSE false
    END) WITH CHECK (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'coordinator' THEN true
        WHEN 'partner' THEN organisation_id = (SELECT actor_organisation())
            OR (passed_by_organisation_id = (SELECT actor_organisation()) AND state = 'new')
        ELSE false
    END);
-- Nobody answers for it yet: the candidates, and those who reported it, may say which candidate it is.
CREATE POLICY report_choose ON report FOR UPDATE TO quietude_app USING (
    (SELECT actor_role()) IN ('agent', 'partner') AND organisation_id IS NULL AND state = 'new'
    AND (reporter_organisation_id = (SELECT actor_organisation())
        OR (SELECT actor_organisation()) = ANY (candidate_ids))
    AND candidate_ids IS NOT NULL
) WITH CHECK (
    (SELECT actor_role()) IN ('agent', 'partner') AND state = 'new' AND organisation_id = ANY (candidate_ids));
-- Who reported it says whether it is really repaired; never the one who repaired it. What is verified is out of its hands
-- (a check cannot see the row as it was: a verified row that stays so could otherwise change in any other way).
CREATE POLICY report_judge ON report FOR UPDATE TO quietude_app USING (
    (SELECT actor_role()) IN ('agent', 'partner') AND state IN ('resolved', 'rejected')
    AND reporter_organisation_id = (SELECT actor_organisation())
) WITH CHECK (
    (SELECT actor_role()) IN ('agent', 'partner') AND reporter_organisation_id = (SELECT actor_organisation())
    AND (state = 'reopened' OR (state = 'verified' AND organisation_id <> (SELECT actor_organisation()))));
-- Who was asked gives the answer, which ends the pause.
CREATE POLICY report_answer ON report FOR UPDATE TO quietude_app USING (
    (SELECT actor_role()) IN ('agent', 'partner') AND paused_at IS NOT NULL
    AND asked_organisation_id = (SELECT actor_organisation())
) WITH CHECK (
    (SELECT actor_role()) IN ('agent', 'partner') AND paused_at IS NULL
    AND asked_organisation_id = (SELECT actor_organisation()));
