-- Interventions: what a partner does or plans at a place, as an object of its own (docs/decisions/0014).

-- Nomenclature in data, as themes and categories: editable, read by everybody.
CREATE TABLE intervention_kind (
    code text PRIMARY KEY CHECK (code ~ '^[a-z][a-z0-9_]*$'),
    label_fr text NOT NULL,
    label_en text NOT NULL,
    position smallint NOT NULL,
    active boolean NOT NULL DEFAULT true
);
INSERT INTO intervention_kind (code, label_fr, label_en, position) VALUES
    ('repair', 'Réparation', 'Repair', 1),
    ('cleaning', 'Nettoyage', 'Cleaning', 2),
    ('bulky_waste', 'Enlèvement d''encombrants', 'Removal of bulky waste', 3),
    ('wreck_removal', 'Enlèvement d''épave', 'Removal of a wreck', 4),
    ('lighting', 'Éclairage', 'Lighting', 5),
    ('access_control', 'Contrôle d''accès', 'Access control', 6),
    ('stop_security', 'Sécurisation d''un arrêt', 'Securing a stop', 7),
    ('mediation', 'Médiation', 'Mediation', 8),
    ('presence', 'Présence sur le terrain', 'Presence on the ground', 9),
    ('greenery', 'Espaces verts', 'Greenery', 10),
    ('works', 'Travaux d''aménagement', 'Works', 11),
    ('awareness', 'Sensibilisation, animation', 'Awareness, social life', 12),
    ('training', 'Formation', 'Training', 13),
    ('other', 'Autre', 'Other', 14);

-- Who does the work: kinds of teams, never persons.
CREATE TABLE intervention_team (
    code text PRIMARY KEY CHECK (code ~ '^[a-z][a-z0-9_]*$'),
    label_fr text NOT NULL,
    label_en text NOT NULL,
    position smallint NOT NULL,
    active boolean NOT NULL DEFAULT true
);
INSERT INTO intervention_team (code, label_fr, label_en, position) VALUES
    ('caretakers', 'Gardiens d''immeuble', 'Caretakers', 1),
    ('cleaning', 'Équipe propreté', 'Cleaning team', 2),
    ('technical', 'Équipe technique', 'Technical team', 3),
    ('greenery', 'Équipe espaces verts', 'Greenery team', 4),
    ('lighting', 'Équipe éclairage', 'Lighting team', 5),
    ('mediators', 'Médiateurs', 'Mediators', 6),
    ('network_agents', 'Agents du réseau de transport', 'Agents of the transport network', 7),
    ('municipal_police', 'Police municipale', 'Municipal police', 8),
    ('contractor', 'Entreprise prestataire', 'Contractor', 9),
    ('association', 'Association', 'Association', 10);

CREATE TABLE intervention (
    -- Made by the client: the same body sent twice is stored once.
    id uuid PRIMARY KEY,
    kind_code text NOT NULL REFERENCES intervention_kind,
    geom_4326 geometry(Geometry, 4326) NOT NULL CHECK (
        GeometryType(geom_4326) IN ('POINT', 'LINESTRING', 'POLYGON')
        AND ST_IsValid(geom_4326) AND NOT ST_IsEmpty(geom_4326)),
    -- Of a point on the geometry: Morton key of the 25 m square of EPSG:2154 (app/places/lattice.py).
    cell_25m bigint NOT NULL CHECK (cell_25m BETWEEN 0 AND 4294967295),
    state text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'in_progress', 'done', 'verified', 'cancelled')),
    visibility text NOT NULL DEFAULT 'partner' CHECK (visibility IN ('public', 'partner', 'restricted')),
    planned_start timestamptz,
    planned_end timestamptz,
    done_start timestamptz,
    done_end timestamptz,
    -- Who does it. Never changed afterwards: another organisation's work is another intervention.
    organisation_id integer NOT NULL REFERENCES organisation,
    author_organisation_id integer REFERENCES organisation,
    author_account_id integer REFERENCES account,
    teams text[] NOT NULL DEFAULT '{}',
    team_size smallint CHECK (team_size BETWEEN 1 AND 500),
    cost_eur numeric(12, 2) CHECK (cost_eur >= 0),
    hours numeric(8, 2) CHECK (hours >= 0),
    description text CHECK (length(description) BETWEEN 1 AND 1000),
    neighbourhood_id bigint REFERENCES place,
    qpv_id bigint REFERENCES place,
    source text NOT NULL DEFAULT 'api',
    is_synthetic boolean NOT NULL DEFAULT false,
    body_sha256 bytea CHECK (octet_length(body_sha256) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    changed_txid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    -- When it is, as far as known: done times before planned ones. The end is never before the start.
    starts_at timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(done_start, planned_start, created_at)) STORED,
    ends_at timestamptz NOT NULL GENERATED ALWAYS AS (greatest(
        coalesce(done_start, planned_start, created_at), coalesce(done_end, planned_end))) STORED,
    CHECK (planned_end >= planned_start),
    CHECK (planned_end IS NULL OR planned_start IS NOT NULL),
    CHECK (done_end >= done_start),
    CHECK (done_end IS NULL OR done_start IS NOT NULL),
    CHECK (state NOT IN ('done', 'verified') OR done_end IS NOT NULL)
);
CREATE INDEX intervention_starts_idx ON intervention (starts_at DESC, id);
CREATE INDEX intervention_organisation_idx ON intervention (organisation_id, starts_at DESC, id);
CREATE INDEX intervention_cell_idx ON intervention (cell_25m);
CREATE INDEX intervention_changed_idx ON intervention (changed_txid);
CREATE TRIGGER intervention_stamp BEFORE UPDATE ON intervention FOR EACH ROW EXECUTE FUNCTION stamp_change();

-- One intervention may answer many reports, a report may need many.
CREATE TABLE intervention_report (
    intervention_id uuid NOT NULL REFERENCES intervention,
    report_id uuid NOT NULL REFERENCES report,
    linked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (intervention_id, report_id)
);
CREATE INDEX intervention_report_report_idx ON intervention_report (report_id);

-- Everything that ever happened to an intervention. Rows are only ever added.
CREATE TABLE intervention_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    intervention_id uuid NOT NULL REFERENCES intervention,
    at timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL,
    from_state text,
    to_state text,
    organisation_id integer REFERENCES organisation,
    account_id integer REFERENCES account,
    role text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX intervention_event_intervention_idx ON intervention_event (intervention_id, id);
CREATE TRIGGER intervention_event_append_only BEFORE UPDATE OR DELETE ON intervention_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- ── What the application role may ─────────────────────────────────────────────────────────────────────────────────────

GRANT SELECT, INSERT, UPDATE ON intervention_kind, intervention_team TO quietude_app;
-- Who does it, who recorded it and since when stay as they were.
GRANT SELECT, INSERT ON intervention TO quietude_app;
GRANT UPDATE (kind_code, geom_4326, cell_25m, state, visibility, planned_start, planned_end, done_start, done_end, teams,
              team_size, cost_eur, hours, description, neighbourhood_id, qpv_id) ON intervention TO quietude_app;
GRANT SELECT, INSERT, DELETE ON intervention_report TO quietude_app;
GRANT SELECT, INSERT ON intervention_event TO quietude_app;

ALTER TABLE intervention ENABLE ROW LEVEL SECURITY;
ALTER TABLE intervention FORCE ROW LEVEL SECURITY;
ALTER TABLE intervention_report ENABLE ROW LEVEL SECURITY;
ALTER TABLE intervention_report FORCE ROW LEVEL SECURITY;
ALTER TABLE intervention_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE intervention_event FORCE ROW LEVEL SECURITY;

-- A link is seen by whoever sees its report. It must not ask for the intervention: an agent sees an intervention because
-- of its links, and two policies that ask each other are refused.
CREATE POLICY intervention_report_read ON intervention_report FOR SELECT TO quietude_app USING (
    (SELECT actor_role()) = 'system' OR EXISTS (SELECT FROM report WHERE report.id = report_id));

CREATE POLICY intervention_read ON intervention FOR SELECT TO quietude_app USING (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'coordinator' THEN true
        WHEN 'planner' THEN visibility <> 'restricted'
        WHEN 'admin' THEN visibility <> 'restricted'
        WHEN 'partner' THEN visibility <> 'restricted' OR organisation_id = (SELECT actor_organisation())
        WHEN 'agent' THEN organisation_id = (SELECT actor_organisation())
            OR (visibility <> 'restricted' AND EXISTS (
                SELECT FROM intervention_report WHERE intervention_report.intervention_id = intervention.id))
        ELSE false
    END);

CREATE POLICY intervention_add ON intervention FOR INSERT TO quietude_app WITH CHECK (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'partner' THEN organisation_id = (SELECT actor_organisation())
            AND author_organisation_id = (SELECT actor_organisation()) AND author_account_id = (SELECT actor_account())
        WHEN 'coordinator' THEN author_organisation_id = (SELECT actor_organisation())
            AND author_account_id = (SELECT actor_account())
        ELSE false
    END);

-- Those who do it: its partners, and its agents, who begin and end the work on the spot.
CREATE POLICY intervention_change ON intervention FOR UPDATE TO quietude_app USING (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'coordinator' THEN true
        WHEN 'partner' THEN organisation_id = (SELECT actor_organisation()) AND state <> 'verified'
        WHEN 'agent' THEN organisation_id = (SELECT actor_organisation()) AND state IN ('planned', 'in_progress')
        ELSE false
    END) WITH CHECK (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'coordinator' THEN true
        WHEN 'partner' THEN organisation_id = (SELECT actor_organisation()) AND state <> 'verified'
        WHEN 'agent' THEN organisation_id = (SELECT actor_organisation()) AND state IN ('in_progress', 'done')
        ELSE false
    END);
-- Who reported what it answers says whether it is really done; never the one who did it.
CREATE POLICY intervention_verify ON intervention FOR UPDATE TO quietude_app USING (
    (SELECT actor_role()) IN ('agent', 'partner') AND state = 'done' AND visibility <> 'restricted'
    AND organisation_id <> (SELECT actor_organisation())
    AND EXISTS (SELECT FROM intervention_report JOIN report ON report.id = report_id
                WHERE intervention_report.intervention_id = intervention.id
                    AND report.reporter_organisation_id = (SELECT actor_organisation()))
) WITH CHECK (
    (SELECT actor_role()) IN ('agent', 'partner') AND state = 'verified'
    AND organisation_id <> (SELECT actor_organisation()));

-- Whether the actor may link reports to an intervention. plpgsql on purpose: a policy that names the table again is refused.
CREATE FUNCTION may_link_intervention(wanted uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM intervention WHERE id = wanted AND CASE actor_role()
        WHEN 'system' THEN true
        WHEN 'coordinator' THEN true
        WHEN 'partner' THEN organisation_id = actor_organisation()
        ELSE false END);
END $$;
CREATE POLICY intervention_report_add ON intervention_report FOR INSERT TO quietude_app WITH CHECK (
    may_link_intervention(intervention_id)
    AND ((SELECT actor_role()) = 'system' OR EXISTS (SELECT FROM report WHERE report.id = report_id)));
CREATE POLICY intervention_report_remove ON intervention_report FOR DELETE TO quietude_app USING (
    may_link_intervention(intervention_id));

CREATE POLICY intervention_event_read ON intervention_event FOR SELECT TO quietude_app USING (
    (SELECT actor_role()) = 'system' OR EXISTS (SELECT FROM intervention WHERE intervention.id = intervention_id));
CREATE POLICY intervention_event_add ON intervention_event FOR INSERT TO quietude_app WITH CHECK (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'public' THEN false
        ELSE role = (SELECT actor_role()) AND account_id = (SELECT actor_account())
            AND organisation_id = (SELECT actor_organisation())
            AND EXISTS (SELECT FROM intervention WHERE intervention.id = intervention_id)
    END);

-- ── Photos of interventions (their table: photos.sql) ─────────────────────────────────────────────────────────────────

ALTER TABLE photo ADD CONSTRAINT photo_intervention_id_fkey FOREIGN KEY (intervention_id) REFERENCES intervention;
-- As with reports: who does not see the intervention does not see its photos.
CREATE POLICY photo_read_of_intervention ON photo FOR SELECT TO quietude_app USING (
    EXISTS (SELECT FROM intervention WHERE intervention.id = photo.intervention_id AND (
        photo.state = 'published'
        OR (SELECT actor_role()) = 'coordinator'
        OR (SELECT actor_role()) IN ('agent', 'partner')
            AND (SELECT actor_organisation()) IN (photo.organisation_id, intervention.organisation_id))));
CREATE POLICY photo_add_to_intervention ON photo FOR INSERT TO quietude_app WITH CHECK (
    (SELECT actor_role()) IN ('agent', 'partner', 'coordinator')
    AND organisation_id = (SELECT actor_organisation()) AND account_id = (SELECT actor_account())
    AND state = 'hidden' AND EXISTS (SELECT FROM intervention WHERE intervention.id = photo.intervention_id));
CREATE POLICY photo_change_of_intervention ON photo FOR UPDATE TO quietude_app USING (
    intervention_id IS NOT NULL AND (
        (SELECT actor_role()) = 'coordinator'
        OR (SELECT actor_role()) IN ('agent', 'partner') AND organisation_id = (SELECT actor_organisation())))
    WITH CHECK (intervention_id IS NOT NULL);
