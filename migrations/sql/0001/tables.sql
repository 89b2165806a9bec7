-- Tables of the first release. Frozen: a later change is a later revision.

CREATE TABLE organisation (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    name text NOT NULL CHECK (name <> ''),
    kind text NOT NULL CHECK (kind IN (
        'landlord', 'transport_operator', 'city', 'metropole', 'prefecture', 'police', 'school_authority',
        'health', 'public_service', 'association')),
    is_synthetic boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The columns that Flask-Security asks for keep its names.
CREATE TABLE role (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name IN ('agent', 'partner', 'planner', 'coordinator', 'admin')),
    description text
);

CREATE TABLE account (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL CHECK (email = lower(email)),
    display_name text,
    password text,
    active boolean NOT NULL DEFAULT true,
    fs_uniquifier text NOT NULL UNIQUE,
    confirmed_at timestamptz,
    create_datetime timestamptz NOT NULL DEFAULT now(),
    update_datetime timestamptz NOT NULL DEFAULT now(),
    tf_primary_method text,
    tf_totp_secret text,
    -- The last time step whose code was accepted: a code read over a shoulder cannot be used a second time.
    tf_last_counter bigint,
    mf_recovery_codes jsonb,
    locale text CHECK (locale IN ('fr', 'en')),
    organisation_id integer NOT NULL REFERENCES organisation,
    role_id integer NOT NULL REFERENCES role,
    is_synthetic boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX account_email_key ON account (email);

CREATE TABLE api_token (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id integer NOT NULL REFERENCES account ON DELETE CASCADE,
    name text NOT NULL,
    token_sha256 bytea NOT NULL UNIQUE CHECK (octet_length(token_sha256) = 32),
    scope text NOT NULL CHECK (scope IN ('read', 'write')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_token_account_idx ON api_token (account_id);

-- Sessions live in a signed cookie; one that signed out is remembered here until no copy of it could still be valid.
CREATE TABLE ended_session (
    session_sha256 bytea PRIMARY KEY CHECK (octet_length(session_sha256) = 32),
    ended_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ended_session_ended_idx ON ended_session (ended_at);

-- Reference geography of every kind in one table.
CREATE TABLE geodata_import (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    source text NOT NULL,
    edition text,
    sha256 text NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT now(),
    rows_read integer NOT NULL,
    rows_added integer NOT NULL,
    rows_updated integer NOT NULL,
    rows_unchanged integer NOT NULL,
    rows_closed integer NOT NULL,
    rows_refused integer NOT NULL
);

CREATE TABLE place (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN (
        'commune', 'neighbourhood', 'iris', 'qpv', 'stop', 'line', 'residence', 'school')),
    code text NOT NULL CHECK (code <> ''),
    name text NOT NULL CHECK (name <> ''),
    -- A point, a (multi)line or a (multi)polygon, as the kind has it.
    geom_4326 geometry(Geometry, 4326) NOT NULL CHECK (ST_IsValid(geom_4326) AND NOT ST_IsEmpty(geom_4326)),
    organisation_id integer REFERENCES organisation,
    is_territory boolean NOT NULL DEFAULT false CHECK (NOT is_territory OR kind = 'commune'),
    approximate boolean NOT NULL DEFAULT false,
    source text NOT NULL,
    import_id integer REFERENCES geodata_import,
    attributes jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,
    UNIQUE (kind, code)
);
-- One partial index a kind: "which neighbourhood holds this point" must not wade through stops.
CREATE INDEX place_commune_geom_idx ON place USING gist (geom_4326) WHERE kind = 'commune' AND closed_at IS NULL;
CREATE INDEX place_neighbourhood_geom_idx ON place USING gist (geom_4326)
    WHERE kind = 'neighbourhood' AND closed_at IS NULL;
CREATE INDEX place_iris_geom_idx ON place USING gist (geom_4326) WHERE kind = 'iris' AND closed_at IS NULL;
CREATE INDEX place_qpv_geom_idx ON place USING gist (geom_4326) WHERE kind = 'qpv' AND closed_at IS NULL;
CREATE INDEX place_stop_geom_idx ON place USING gist (geom_4326) WHERE kind = 'stop' AND closed_at IS NULL;
CREATE INDEX place_geom_idx ON place USING gist (geom_4326) WHERE closed_at IS NULL;
-- Asked once a report: is the territory still the one that the process knows?
CREATE INDEX place_territory_idx ON place (id) WHERE is_territory;

-- Nomenclature: editable data, seeded from app/nomenclature/default.csv.
CREATE TABLE theme (
    code text PRIMARY KEY CHECK (code ~ '^[a-z][a-z0-9_]*$'),
    label_fr text NOT NULL,
    label_en text NOT NULL,
    position smallint NOT NULL
);

CREATE TABLE category (
    code text PRIMARY KEY CHECK (code ~ '^[a-z][a-z0-9_]*$'),
    -- A small stable number: what the heat cube keeps for each report instead of the code.
    number smallint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
    theme_code text NOT NULL REFERENCES theme,
    kind text NOT NULL CHECK (kind IN ('defect', 'disorder')),
    visibility text NOT NULL CHECK (visibility IN ('public', 'partner', 'restricted')),
    deadline_hours integer NOT NULL CHECK (deadline_hours > 0),
    default_severity smallint NOT NULL CHECK (default_severity BETWEEN 1 AND 4),
    responsible text NOT NULL CHECK (responsible IN (
        'city', 'landlord', 'transport', 'police', 'school', 'by_place')),
    label_fr text NOT NULL,
    label_en text NOT NULL,
    position smallint NOT NULL,
    active boolean NOT NULL DEFAULT true
);

CREATE TABLE report (
    id uuid PRIMARY KEY,
    category_code text NOT NULL REFERENCES category,
    geom_4326 geometry(Point, 4326) NOT NULL,
    -- Morton key of the 25 m square of EPSG:2154 (app/places/lattice.py).
    cell_25m bigint NOT NULL CHECK (cell_25m BETWEEN 0 AND 4294967295),
    severity smallint NOT NULL CHECK (severity BETWEEN 1 AND 4),
    state text NOT NULL DEFAULT 'new' CHECK (state IN (
        'new', 'acknowledged', 'assigned', 'in_progress', 'resolved', 'verified', 'rejected', 'duplicate',
        'reopened')),
    visibility text NOT NULL CHECK (visibility IN ('public', 'partner', 'restricted')),
    observed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz,
    description text CHECK (length(description) BETWEEN 1 AND 1000),
    -- Who answers for it; who saw it.
    organisation_id integer REFERENCES organisation,
    reporter_organisation_id integer REFERENCES organisation,
    reporter_account_id integer REFERENCES account,
    neighbourhood_id bigint REFERENCES place,
    iris_id bigint REFERENCES place,
    qpv_id bigint REFERENCES place,
    nearest_stop_id bigint REFERENCES place,
    place_id bigint REFERENCES place,
    -- 'form' and 'api' are live; 'demo' is synthetic; an import writes 'import:NAME' and the id it had there.
    source text NOT NULL DEFAULT 'api',
    source_ref text,
    is_synthetic boolean NOT NULL DEFAULT false,
    -- SHA-256 of the accepted command: the same body sent twice is known, another body is not mistaken for it.
    body_sha256 bytea CHECK (octet_length(body_sha256) = 32),
    version integer NOT NULL DEFAULT 1,
    -- Four bytes that stand for the id where sixteen are too many: the heat cube knows a report by its number.
    number integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- The transaction that last changed the row: readers of increments go up to pg_snapshot_xmin, so that a row
    -- committed out of order is never missed.
    changed_txid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    UNIQUE (source, source_ref)
);
CREATE INDEX report_cell_idx ON report (cell_25m, observed_at);
CREATE INDEX report_received_idx ON report (received_at DESC, id);
CREATE INDEX report_organisation_idx ON report (organisation_id, received_at DESC, id);
CREATE INDEX report_reporter_idx ON report (reporter_organisation_id, received_at DESC, id);
CREATE INDEX report_changed_idx ON report (changed_txid);

-- Everything that ever happened to a report. Rows are only ever added.
CREATE TABLE report_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id uuid NOT NULL REFERENCES report,
    at timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL,
    from_state text,
    to_state text,
    organisation_id integer REFERENCES organisation,
    account_id integer REFERENCES account,
    role text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX report_event_report_idx ON report_event (report_id, id);

CREATE FUNCTION stamp_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_txid := pg_current_xact_id()::text::bigint;
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER report_stamp BEFORE UPDATE ON report FOR EACH ROW EXECUTE FUNCTION stamp_change();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER report_event_append_only BEFORE UPDATE OR DELETE ON report_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
