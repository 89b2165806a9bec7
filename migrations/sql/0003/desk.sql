-- The desk and the dashboard: what lists are found by, how long answers took, moves on many reports, kept filters (0019).

-- ── How long it took ──────────────────────────────────────────────────────────────────────────────────────────────────

-- The history has a time for every state; these four stand on the report besides, so that lists and dashboards read no
-- history. They are kept by the statements that move reports: app/reports/sql/move.sql, bulk_history.sql, undo_report.
-- held_since: when it came to whoever answers for it now (NULL: when it was received). acknowledged_at: when that one
-- first answered. resolved_at: since when it is resolved. paused_s: how long questions held it up.
ALTER TABLE report
    ADD COLUMN held_since timestamptz,
    ADD COLUMN acknowledged_at timestamptz,
    ADD COLUMN resolved_at timestamptz,
    ADD COLUMN paused_s integer NOT NULL DEFAULT 0;

-- What is there already, from its history. The owner is under row security too, and nobody's version changes by this.
ALTER TABLE report NO FORCE ROW LEVEL SECURITY;
ALTER TABLE report_event NO FORCE ROW LEVEL SECURITY;
ALTER TABLE report DISABLE TRIGGER report_stamp;
WITH held AS (
    SELECT report_id, max(at) AS since FROM report_event WHERE kind IN ('route', 'transfer') GROUP BY report_id
), told AS (
    SELECT event.report_id, max(held.since) AS held_since,
        min(event.at) FILTER (WHERE to_state IN ('acknowledged', 'assigned', 'in_progress', 'resolved', 'rejected')
            AND event.at >= coalesce(held.since, '-infinity')) AS acknowledged_at,
        max(event.at) FILTER (WHERE to_state = 'resolved') AS resolved_at,
        coalesce(sum((details ->> 'paused_s')::float8) FILTER (WHERE event.kind = 'answer'), 0) AS paused_s
    FROM report_event AS event LEFT JOIN held USING (report_id) GROUP BY event.report_id
)
UPDATE report SET held_since = told.held_since, acknowledged_at = told.acknowledged_at,
    resolved_at = CASE WHEN report.state IN ('resolved', 'verified') THEN told.resolved_at END,
    paused_s = told.paused_s
FROM told
WHERE told.report_id = report.id
    AND (told.held_since IS NOT NULL OR told.acknowledged_at IS NOT NULL OR told.resolved_at IS NOT NULL
        OR told.paused_s > 0);
ALTER TABLE report ENABLE TRIGGER report_stamp;
ALTER TABLE report_event FORCE ROW LEVEL SECURITY;
ALTER TABLE report FORCE ROW LEVEL SECURITY;

-- ── What the lists of the desk are found by (report_due_idx and report_asked_idx are there since 0002) ────────────────

-- All partial: a new report that somebody answers for enters none of them.
CREATE INDEX report_verify_idx ON report (reporter_organisation_id, received_at DESC, id) WHERE state = 'resolved';
CREATE INDEX report_resolved_idx ON report (received_at DESC, id) WHERE state = 'resolved';
CREATE INDEX report_paused_idx ON report (organisation_id, received_at DESC, id) WHERE paused_at IS NOT NULL;
CREATE INDEX report_passed_idx ON report (passed_by_organisation_id, received_at DESC, id)
    WHERE state = 'new' AND passed_by_organisation_id IS NOT NULL;
CREATE INDEX report_unrouted_idx ON report (received_at DESC, id) WHERE state = 'new' AND organisation_id IS NULL;

-- ── Moves on many reports at once, and their undoing ──────────────────────────────────────────────────────────────────

CREATE TABLE bulk_move (
    -- Made by the page: the same form sent twice is done once.
    id uuid PRIMARY KEY,
    account_id integer NOT NULL REFERENCES account,
    organisation_id integer NOT NULL REFERENCES organisation,
    move text NOT NULL,
    at timestamptz NOT NULL,
    undone_at timestamptz
);
CREATE INDEX bulk_move_account_idx ON bulk_move (account_id, at DESC);

-- One row a report. refused: why the move was not made; before: what the move changed, as it was.
CREATE TABLE bulk_move_report (
    bulk_id uuid NOT NULL REFERENCES bulk_move,
    report_id uuid NOT NULL REFERENCES report,
    refused text CHECK (refused IN ('changed', 'state', 'forbidden', 'input')),
    before jsonb,
    -- The report's version after the move: whoever moves it afterwards makes it another one.
    version integer,
    undone text CHECK (undone IN ('done', 'moved')),
    PRIMARY KEY (bulk_id, report_id),
    CHECK ((refused IS NULL) = (before IS NOT NULL) AND (before IS NULL) = (version IS NULL))
);

-- Takes back one report's move: 'done', or 'moved' when somebody has moved it since; NULL when there is nothing to take
-- back. The move itself may have given the report away, so that its mover could not change it any more: hence as the
-- system, for that account's own move only.
CREATE FUNCTION undo_report(wanted_bulk uuid, wanted_report uuid, oldest timestamptz) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    was jsonb;
    seen integer;
    asking_role text := actor_role();
    outcome text := 'moved';
BEGIN
    SELECT item.before, item.version INTO was, seen
        FROM bulk_move_report AS item JOIN bulk_move ON bulk_move.id = item.bulk_id
        WHERE item.bulk_id = wanted_bulk AND item.report_id = wanted_report AND item.refused IS NULL
            AND item.undone IS NULL AND bulk_move.account_id = actor_account() AND bulk_move.at >= oldest
        FOR UPDATE OF item;
    IF was IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('app.role', 'system', true);
    UPDATE report SET
        state = was ->> 'state',
        organisation_id = (was ->> 'organisation_id')::integer,
        due_at = (was ->> 'due_at')::timestamptz,
        paused_at = (was ->> 'paused_at')::timestamptz,
        asked_organisation_id = (was ->> 'asked_organisation_id')::integer,
        passed_by_organisation_id = (was ->> 'passed_by_organisation_id')::integer,
        escalated_at = (was ->> 'escalated_at')::timestamptz,
        held_since = (was ->> 'held_since')::timestamptz,
        acknowledged_at = (was ->> 'acknowledged_at')::timestamptz,
        resolved_at = (was ->> 'resolved_at')::timestamptz,
        paused_s = (was ->> 'paused_s')::integer
    WHERE id = wanted_report AND version = seen;
    IF FOUND THEN
        outcome := 'done';
    END IF;
    PERFORM set_config('app.role', asking_role, true);
    UPDATE bulk_move_report SET undone = outcome WHERE bulk_id = wanted_bulk AND report_id = wanted_report;
    RETURN outcome;
END $$;

-- ── Filters that somebody keeps ───────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE saved_filter (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer NOT NULL REFERENCES account ON DELETE CASCADE,
    organisation_id integer NOT NULL REFERENCES organisation,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    -- The query of the desk's address, as app/reports/filters.py writes it.
    query text NOT NULL CHECK (length(query) <= 1000),
    shared boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, name)
);
CREATE INDEX saved_filter_organisation_idx ON saved_filter (organisation_id) WHERE shared;

-- ── What the application role may ─────────────────────────────────────────────────────────────────────────────────────

GRANT SELECT, INSERT ON bulk_move, bulk_move_report TO quietude_app;
GRANT UPDATE (undone_at) ON bulk_move TO quietude_app;
GRANT UPDATE (undone) ON bulk_move_report TO quietude_app;
GRANT SELECT, INSERT, DELETE ON saved_filter TO quietude_app;
GRANT UPDATE (name, query, shared) ON saved_filter TO quietude_app;
ALTER TABLE bulk_move ENABLE ROW LEVEL SECURITY;
ALTER TABLE bulk_move FORCE ROW LEVEL SECURITY;
ALTER TABLE bulk_move_report ENABLE ROW LEVEL SECURITY;
ALTER TABLE bulk_move_report FORCE ROW LEVEL SECURITY;
ALTER TABLE saved_filter ENABLE ROW LEVEL SECURITY;
ALTER TABLE saved_filter FORCE ROW LEVEL SECURITY;

-- What one did at once is one's own affair; each report's history tells everybody else.
CREATE POLICY bulk_move_own ON bulk_move FOR ALL TO quietude_app
    USING ((SELECT actor_role()) = 'system' OR account_id = (SELECT actor_account()))
    WITH CHECK ((SELECT actor_role()) = 'system' OR ((SELECT actor_role()) IN ('agent', 'partner', 'coordinator')
        AND account_id = (SELECT actor_account()) AND organisation_id = (SELECT actor_organisation())));
CREATE POLICY bulk_move_report_own ON bulk_move_report FOR ALL TO quietude_app
    USING (EXISTS (SELECT FROM bulk_move WHERE bulk_move.id = bulk_id))
    WITH CHECK (EXISTS (SELECT FROM bulk_move WHERE bulk_move.id = bulk_id)
        AND EXISTS (SELECT FROM report WHERE report.id = report_id));
CREATE POLICY saved_filter_read ON saved_filter FOR SELECT TO quietude_app
    USING ((SELECT actor_role()) = 'system' OR account_id = (SELECT actor_account())
        OR (shared AND organisation_id = (SELECT actor_organisation())));
CREATE POLICY saved_filter_write ON saved_filter FOR ALL TO quietude_app
    USING ((SELECT actor_role()) = 'system' OR account_id = (SELECT actor_account()))
    WITH CHECK ((SELECT actor_role()) = 'system' OR (account_id = (SELECT actor_account())
        AND organisation_id = (SELECT actor_organisation())));
