-- Patrols: rounds that may find nothing. They record places, what was looked at and when; never persons
-- (docs/decisions/0018).

CREATE TABLE patrol (
    -- Made by the client: the same body sent twice is stored once.
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('round', 'walk', 'free')),
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 120),
    state text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'open', 'closed', 'cancelled')),
    planned_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    note text CHECK (length(note) BETWEEN 1 AND 1000),
    -- Who goes. Never changed afterwards: another organisation's round is another round.
    organisation_id integer NOT NULL REFERENCES organisation,
    author_account_id integer REFERENCES account,
    source text NOT NULL DEFAULT 'api',
    is_synthetic boolean NOT NULL DEFAULT false,
    body_sha256 bytea CHECK (octet_length(body_sha256) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    changed_txid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    -- When it is, as far as known.
    starts_at timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(started_at, planned_at)) STORED,
    CHECK (ended_at >= started_at),
    CHECK (state NOT IN ('open', 'closed') OR started_at IS NOT NULL),
    CHECK ((state = 'closed') = (ended_at IS NOT NULL))
);
CREATE INDEX patrol_starts_idx ON patrol (starts_at DESC, id);
CREATE INDEX patrol_organisation_idx ON patrol (organisation_id, starts_at DESC, id);
CREATE TRIGGER patrol_stamp BEFORE UPDATE ON patrol FOR EACH ROW EXECUTE FUNCTION stamp_change();

-- Who walks along, as numbers by kind of participant. There is no column that could hold a name.
CREATE TABLE patrol_participant (
    patrol_id uuid NOT NULL REFERENCES patrol,
    role_code text NOT NULL CHECK (role_code IN (
        'residents', 'elected', 'landlord', 'city', 'transport', 'police', 'prefecture', 'school', 'health',
        'association', 'other')),
    people smallint NOT NULL CHECK (people BETWEEN 1 AND 200),
    PRIMARY KEY (patrol_id, role_code)
);

-- What is to be looked at, in order: a place of the reference geography, or a point with a name.
CREATE TABLE patrol_stop (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patrol_id uuid NOT NULL REFERENCES patrol,
    position smallint NOT NULL CHECK (position BETWEEN 1 AND 200),
    place_id bigint REFERENCES place,
    -- As it was called then: the reference geography changes.
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    geom_4326 geometry(Point, 4326) NOT NULL,
    note text CHECK (length(note) BETWEEN 1 AND 1000),
    UNIQUE (patrol_id, position)
);

-- Somebody looked, here and then. "nothing" is worth as much as "found".
CREATE TABLE patrol_passage (
    id uuid PRIMARY KEY,
    patrol_id uuid NOT NULL REFERENCES patrol,
    stop_id bigint REFERENCES patrol_stop,
    place_id bigint REFERENCES place,
    name text CHECK (length(name) BETWEEN 1 AND 200),
    geom_4326 geometry(Point, 4326) NOT NULL,
    -- Morton key of the 25 m square of EPSG:2154 (app/places/lattice.py).
    cell_25m bigint NOT NULL CHECK (cell_25m BETWEEN 0 AND 4294967295),
    passed_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('nothing', 'found')),
    note text CHECK (length(note) BETWEEN 1 AND 1000),
    body_sha256 bytea CHECK (octet_length(body_sha256) = 32),
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX patrol_passage_patrol_idx ON patrol_passage (patrol_id, passed_at, id);
CREATE INDEX patrol_passage_recorded_idx ON patrol_passage (recorded_at);

-- What was found there. No foreign key to report: without a network the passage may arrive before its report, whose id
-- the phone made. What is shown is joined with report, under its policies.
CREATE TABLE patrol_passage_report (
    passage_id uuid NOT NULL REFERENCES patrol_passage ON DELETE CASCADE,
    report_id uuid NOT NULL,
    position smallint NOT NULL,
    PRIMARY KEY (passage_id, report_id)
);
CREATE INDEX patrol_passage_report_report_idx ON patrol_passage_report (report_id);

-- Everything that ever happened to a patrol. Rows are only ever added.
CREATE TABLE patrol_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patrol_id uuid NOT NULL REFERENCES patrol,
    at timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL,
    from_state text,
    to_state text,
    organisation_id integer REFERENCES organisation,
    account_id integer REFERENCES account,
    role text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX patrol_event_patrol_idx ON patrol_event (patrol_id, id);
CREATE TRIGGER patrol_event_append_only BEFORE UPDATE OR DELETE ON patrol_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- ── What the application role may ─────────────────────────────────────────────────────────────────────────────────────

GRANT SELECT, INSERT ON patrol TO quietude_app;
GRANT UPDATE (state, started_at, ended_at, note) ON patrol TO quietude_app;
GRANT SELECT, INSERT, DELETE ON patrol_participant TO quietude_app;
GRANT SELECT, INSERT ON patrol_stop TO quietude_app;
-- A tap on the wrong button is taken back while the round goes on; the history says so.
GRANT SELECT, INSERT, DELETE ON patrol_passage, patrol_passage_report TO quietude_app;
GRANT SELECT, INSERT ON patrol_event TO quietude_app;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['patrol', 'patrol_participant', 'patrol_stop', 'patrol_passage',
                                'patrol_passage_report', 'patrol_event'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
END $$;

-- Who goes where and when is the organisation's own affair, and those' who steer and plan.
CREATE POLICY patrol_read ON patrol FOR SELECT TO quietude_app USING (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'coordinator' THEN true
        WHEN 'planner' THEN true
        WHEN 'agent' THEN organisation_id = (SELECT actor_organisation())
        WHEN 'partner' THEN organisation_id = (SELECT actor_organisation())
        ELSE false
    END);
CREATE POLICY patrol_add ON patrol FOR INSERT TO quietude_app WITH CHECK (
    (SELECT actor_role()) = 'system'
    OR (SELECT actor_role()) IN ('agent', 'partner', 'coordinator')
        AND organisation_id = (SELECT actor_organisation()) AND author_account_id = (SELECT actor_account()));
-- What is closed or cancelled stays as it is.
CREATE POLICY patrol_change ON patrol FOR UPDATE TO quietude_app USING (
    (SELECT actor_role()) = 'system'
    OR (SELECT actor_role()) IN ('agent', 'partner', 'coordinator')
        AND organisation_id = (SELECT actor_organisation()) AND state IN ('planned', 'open')
) WITH CHECK (
    (SELECT actor_role()) = 'system' OR organisation_id = (SELECT actor_organisation()));

-- Whether the actor may add to a patrol: its own organisation's, while it is in one of these states.
CREATE FUNCTION may_add_to_patrol(wanted uuid, states text[]) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT actor_role() = 'system' OR actor_role() IN ('agent', 'partner', 'coordinator') AND EXISTS (
        SELECT FROM patrol WHERE id = wanted AND organisation_id = actor_organisation() AND state = ANY (states))
$$;

-- The subqueries are themselves under patrol's policy.
CREATE POLICY patrol_participant_read ON patrol_participant FOR SELECT TO quietude_app USING (
    (SELECT actor_role()) = 'system' OR EXISTS (SELECT FROM patrol WHERE patrol.id = patrol_id));
CREATE POLICY patrol_participant_add ON patrol_participant FOR INSERT TO quietude_app WITH CHECK (
    may_add_to_patrol(patrol_id, ARRAY['planned', 'open']));
CREATE POLICY patrol_participant_remove ON patrol_participant FOR DELETE TO quietude_app USING (
    may_add_to_patrol(patrol_id, ARRAY['planned', 'open']));

CREATE POLICY patrol_stop_read ON patrol_stop FOR SELECT TO quietude_app USING (
    (SELECT actor_role()) = 'system' OR EXISTS (SELECT FROM patrol WHERE patrol.id = patrol_id));
CREATE POLICY patrol_stop_add ON patrol_stop FOR INSERT TO quietude_app WITH CHECK (
    may_add_to_patrol(patrol_id, ARRAY['planned', 'open']));

CREATE POLICY patrol_passage_read ON patrol_passage FOR SELECT TO quietude_app USING (
    (SELECT actor_role()) = 'system' OR EXISTS (SELECT FROM patrol WHERE patrol.id = patrol_id));
CREATE POLICY patrol_passage_add ON patrol_passage FOR INSERT TO quietude_app WITH CHECK (
    may_add_to_patrol(patrol_id, ARRAY['open']));
CREATE POLICY patrol_passage_remove ON patrol_passage FOR DELETE TO quietude_app USING (
    may_add_to_patrol(patrol_id, ARRAY['open']));

CREATE POLICY patrol_passage_report_read ON patrol_passage_report FOR SELECT TO quietude_app USING (
    (SELECT actor_role()) = 'system' OR EXISTS (SELECT FROM patrol_passage WHERE patrol_passage.id = passage_id));
CREATE POLICY patrol_passage_report_add ON patrol_passage_report FOR INSERT TO quietude_app WITH CHECK (
    EXISTS (SELECT FROM patrol_passage WHERE patrol_passage.id = passage_id
            AND may_add_to_patrol(patrol_passage.patrol_id, ARRAY['open'])));
CREATE POLICY patrol_passage_report_remove ON patrol_passage_report FOR DELETE TO quietude_app USING (
    EXISTS (SELECT FROM patrol_passage WHERE patrol_passage.id = passage_id
            AND may_add_to_patrol(patrol_passage.patrol_id, ARRAY['open'])));

CREATE POLICY patrol_event_read ON patrol_event FOR SELECT TO quietude_app USING (
    (SELECT actor_role()) = 'system' OR EXISTS (SELECT FROM patrol WHERE patrol.id = patrol_id));
CREATE POLICY patrol_event_add ON patrol_event FOR INSERT TO quietude_app WITH CHECK (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'public' THEN false
        ELSE role = (SELECT actor_role()) AND account_id = (SELECT actor_account())
            AND organisation_id = (SELECT actor_organisation())
            AND EXISTS (SELECT FROM patrol WHERE patrol.id = patrol_id)
    END);
