-- Open311 GeoReport v2, in and out (docs/decisions/0024-open311.md).

-- "What changed since": a block range index costs whoever writes history next to nothing, and times mostly ascend.
CREATE INDEX report_event_at_idx ON report_event USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

-- ── In: residents without an account ──────────────────────────────────────────────────────────────────────────────────

-- One row; none is as good as off.
CREATE TABLE open311_setting (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    residents boolean NOT NULL DEFAULT false,
    -- In whose name their reports are stored: an account that nobody can sign in with.
    account_id integer REFERENCES account,
    most_a_day integer NOT NULL DEFAULT 200 CHECK (most_a_day BETWEEN 1 AND 100000),
    changed_at timestamptz NOT NULL DEFAULT now(),
    CHECK (NOT residents OR account_id IS NOT NULL)
);

-- ── Out: servers of others ────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE open311_remote (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL CHECK (name ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(name) <= 40),
    -- Up to and without the slash before services.json.
    base_url text NOT NULL CHECK (length(base_url) BETWEEN 8 AND 500),
    jurisdiction_id text CHECK (length(jurisdiction_id) BETWEEN 1 AND 200),
    -- Encrypted with a key derived from QUIETUDE_SECRET_KEY: a copy of the database opens nothing.
    api_key_encrypted bytea,
    -- Whose reports go there, and in whose name what happens there is written into their history.
    organisation_id integer NOT NULL REFERENCES organisation,
    account_id integer NOT NULL REFERENCES account,
    -- Our category → their service_code. What is not named does not go there.
    services jsonb NOT NULL CHECK (jsonb_typeof(services) = 'object' AND services <> '{}'),
    active boolean NOT NULL DEFAULT true,
    -- Reports that the organisation had before stay here unless they are pushed by hand.
    since timestamptz NOT NULL DEFAULT now(),
    polled_at timestamptz,
    -- Of the last poll or test, NULL when it went well.
    error text CHECK (length(error) <= 300),
    removed_at timestamptz
);
CREATE UNIQUE INDEX open311_remote_name_key ON open311_remote (name) WHERE removed_at IS NULL;

-- A report that goes, or went, to one of them. The row is there before anything is sent.
CREATE TABLE open311_push (
    -- Sent as Idempotency-Key with every attempt.
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    remote_id uuid NOT NULL REFERENCES open311_remote,
    report_id uuid NOT NULL REFERENCES report,
    -- waiting: to be sent. sent: it is there. failed: given up, until somebody tries again. withheld: not sent on purpose.
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed', 'withheld')),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Set before a request leaves and emptied by a clear refusal: while it stands, the remote may have the report.
    begun_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    -- A code (app/open311/words.py) or what the remote said.
    error text CHECK (length(error) <= 300),
    sent_at timestamptz,
    token text CHECK (length(token) <= 200),
    service_request_id text CHECK (length(service_request_id) <= 200),
    -- What the remote said last ("status/state"), when that was noticed, and whether it is asked no more.
    remote_state text CHECK (length(remote_state) <= 100),
    remote_changed_at timestamptz,
    is_over boolean NOT NULL DEFAULT false,
    UNIQUE (remote_id, report_id)
);
-- What is looked up after a crash is not taken for one that is known already.
CREATE INDEX open311_push_request_idx ON open311_push (remote_id, service_request_id)
    WHERE service_request_id IS NOT NULL;
CREATE INDEX open311_push_followed_idx ON open311_push (remote_id) WHERE state = 'sent' AND NOT is_over;
CREATE INDEX open311_push_created_idx ON open311_push (created_at DESC, id);
CREATE INDEX open311_push_report_idx ON open311_push (report_id);

-- ── What the application role may ─────────────────────────────────────────────────────────────────────────────────────

GRANT SELECT, INSERT, UPDATE ON open311_setting, open311_remote, open311_push TO quietude_app;

ALTER TABLE open311_setting ENABLE ROW LEVEL SECURITY;
ALTER TABLE open311_setting FORCE ROW LEVEL SECURITY;
ALTER TABLE open311_remote ENABLE ROW LEVEL SECURITY;
ALTER TABLE open311_remote FORCE ROW LEVEL SECURITY;
ALTER TABLE open311_push ENABLE ROW LEVEL SECURITY;
ALTER TABLE open311_push FORCE ROW LEVEL SECURITY;

-- Whether residents may report is no secret; who changes it is an administrator.
CREATE POLICY open311_setting_read ON open311_setting FOR SELECT TO quietude_app USING (true);
CREATE POLICY open311_setting_add ON open311_setting FOR INSERT TO quietude_app
    WITH CHECK ((SELECT actor_role()) IN ('system', 'admin'));
CREATE POLICY open311_setting_change ON open311_setting FOR UPDATE TO quietude_app
    USING ((SELECT actor_role()) IN ('system', 'admin'));
CREATE POLICY open311_remote_all ON open311_remote TO quietude_app
    USING ((SELECT actor_role()) IN ('system', 'admin'));
CREATE POLICY open311_push_read ON open311_push FOR SELECT TO quietude_app
    USING ((SELECT actor_role()) IN ('system', 'admin'));
CREATE POLICY open311_push_add ON open311_push FOR INSERT TO quietude_app WITH CHECK ((SELECT actor_role()) = 'system');
-- An administrator may ask for another try; that something was sent, only the system says.
CREATE POLICY open311_push_change ON open311_push FOR UPDATE TO quietude_app
    USING ((SELECT actor_role()) IN ('system', 'admin'))
    WITH CHECK ((SELECT actor_role()) = 'system' OR state = 'waiting');
