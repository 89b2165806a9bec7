-- Photos of reports and of interventions. The files are in var/photos, by the SHA-256 of what is stored (app/photos).

CREATE TABLE photo (
    -- Made by the client: the same upload sent twice is stored once.
    id uuid PRIMARY KEY,
    report_id uuid REFERENCES report,
    -- Its foreign key and its policies come with the table of interventions.
    intervention_id uuid,
    -- A place in the gallery, given with the row: the unique indexes below are the limit of six, also for uploads at once
    -- and for those who do not see the others' photos.
    position smallint NOT NULL CHECK (position BETWEEN 1 AND 6),
    stage text NOT NULL DEFAULT 'none' CHECK (stage IN ('none', 'before', 'after')),
    -- hidden: those who added it, those who answer and coordinators. published: all who may read the report.
    -- removed: the picture is gone; the row stays, so that a late retry of the upload does not bring it back.
    state text NOT NULL DEFAULT 'hidden' CHECK (state IN ('hidden', 'published', 'removed')),
    sha256 bytea CHECK (octet_length(sha256) = 32),
    width_px smallint NOT NULL CHECK (width_px > 0),
    height_px smallint NOT NULL CHECK (height_px > 0),
    size_bytes integer NOT NULL CHECK (size_bytes > 0),
    -- SHA-256 of what was sent, with where to: the same again is known.
    body_sha256 bytea NOT NULL CHECK (octet_length(body_sha256) = 32),
    taken_at timestamptz,
    received_at timestamptz NOT NULL DEFAULT now(),
    covered_at timestamptz,
    organisation_id integer NOT NULL REFERENCES organisation,
    account_id integer NOT NULL REFERENCES account,
    CHECK (num_nonnulls(report_id, intervention_id) = 1),
    CHECK ((sha256 IS NULL) = (state = 'removed'))
);
CREATE UNIQUE INDEX photo_report_position_key ON photo (report_id, position) WHERE state <> 'removed';
CREATE UNIQUE INDEX photo_intervention_position_key ON photo (intervention_id, position) WHERE state <> 'removed';
CREATE INDEX photo_report_idx ON photo (report_id);
CREATE INDEX photo_intervention_idx ON photo (intervention_id);
-- "Does anybody still need this file?"
CREATE INDEX photo_sha256_idx ON photo (sha256);

GRANT SELECT, INSERT, UPDATE ON photo TO quietude_app;
ALTER TABLE photo ENABLE ROW LEVEL SECURITY;
ALTER TABLE photo FORCE ROW LEVEL SECURITY;

-- The EXISTS is itself under report's policies: who does not see the report does not see its photos. Correlated on
-- purpose: an IN would read every report once a statement.
CREATE POLICY photo_read_of_report ON photo FOR SELECT TO quietude_app USING (
    (SELECT actor_role()) = 'system'
    OR EXISTS (SELECT FROM report WHERE report.id = photo.report_id AND (
        photo.state = 'published'
        OR (SELECT actor_role()) = 'coordinator'
        OR (SELECT actor_role()) IN ('agent', 'partner')
            AND (SELECT actor_organisation()) IN (photo.organisation_id, report.organisation_id))));

CREATE POLICY photo_add_to_report ON photo FOR INSERT TO quietude_app WITH CHECK (
    (SELECT actor_role()) IN ('agent', 'partner', 'coordinator')
    AND organisation_id = (SELECT actor_organisation()) AND account_id = (SELECT actor_account())
    AND state = 'hidden' AND EXISTS (SELECT FROM report WHERE report.id = photo.report_id));

CREATE POLICY photo_change_of_report ON photo FOR UPDATE TO quietude_app USING (
    report_id IS NOT NULL AND (
        (SELECT actor_role()) = 'coordinator'
        OR (SELECT actor_role()) IN ('agent', 'partner') AND organisation_id = (SELECT actor_organisation())))
    WITH CHECK (report_id IS NOT NULL);
