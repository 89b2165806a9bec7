-- Partners' batch files: the log of imports, what they were made of, and their undo (docs/decisions/0025).

-- The log: who brought in how much, when, and what became of it. Nothing of what stands in the file.
CREATE TABLE import_batch (
    id uuid PRIMARY KEY,
    organisation_id integer NOT NULL REFERENCES organisation,
    account_id integer NOT NULL REFERENCES account,
    uploaded_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    format text NOT NULL CHECK (format IN ('csv', 'geojson', 'gpkg')),
    bytes bigint NOT NULL CHECK (bytes > 0),
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    state text NOT NULL DEFAULT 'draft' CHECK (state IN (
        'draft', 'checking', 'checked', 'running', 'stopped', 'done', 'failed', 'undoing', 'undone')),
    -- What report.source says of its rows: import:ORGANISATION.NAME.
    source text,
    -- What the check over the whole file found: read, imported, already_there, refused, by_reason.
    checked jsonb,
    -- What is in the register, written with the rows themselves.
    read integer NOT NULL DEFAULT 0,
    imported integer NOT NULL DEFAULT 0,
    already_there integer NOT NULL DEFAULT 0,
    refused integer NOT NULL DEFAULT 0,
    by_reason jsonb NOT NULL DEFAULT '{}',
    -- How far in the file; how long the list of refusals is whose rows are counted above.
    bytes_done bigint NOT NULL DEFAULT 0,
    bytes_total bigint NOT NULL DEFAULT 0,
    refusals_bytes bigint NOT NULL DEFAULT 0,
    stop_asked boolean NOT NULL DEFAULT false,
    failure text CHECK (length(failure) <= 500),
    ended_at timestamptz,
    undone_at timestamptz,
    undone_by integer REFERENCES account,
    removed integer,
    kept integer,
    files_removed_at timestamptz
);
CREATE INDEX import_batch_organisation_idx ON import_batch (organisation_id, uploaded_at DESC, id);
CREATE INDEX import_batch_uploaded_idx ON import_batch (uploaded_at DESC, id);

-- What only the organisation itself reads: the file's name, its columns and values, and how they become reports.
CREATE TABLE import_content (
    batch_id uuid PRIMARY KEY REFERENCES import_batch ON DELETE CASCADE,
    file_name text NOT NULL CHECK (length(file_name) BETWEEN 1 AND 200),
    mapping jsonb,
    -- What was found out about the file.
    facts jsonb NOT NULL DEFAULT '{}'
);

-- Every row of the file that became a report or was one already. No foreign key: the report may be removed, or be another
-- one of the same id in its own system.
CREATE TABLE import_report (
    batch_id uuid NOT NULL REFERENCES import_batch ON DELETE CASCADE,
    report_id uuid NOT NULL,
    added boolean NOT NULL,
    -- Why the undo left it.
    kept_because text,
    PRIMARY KEY (batch_id, report_id)
);

-- Mappings under a name, for the next file of the same kind.
CREATE TABLE import_mapping (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id integer NOT NULL REFERENCES organisation,
    name text NOT NULL CHECK (name ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(name) <= 40),
    mapping jsonb NOT NULL,
    changed_at timestamptz NOT NULL,
    account_id integer NOT NULL REFERENCES account,
    UNIQUE (organisation_id, name)
);

-- ── What the application role may ─────────────────────────────────────────────────────────────────────────────────────

GRANT SELECT, INSERT, UPDATE, DELETE ON import_batch, import_content, import_mapping TO quietude_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON import_report TO quietude_app;

ALTER TABLE import_batch ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_batch FORCE ROW LEVEL SECURITY;
ALTER TABLE import_content ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_content FORCE ROW LEVEL SECURITY;
ALTER TABLE import_report ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_report FORCE ROW LEVEL SECURITY;
ALTER TABLE import_mapping ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_mapping FORCE ROW LEVEL SECURITY;

-- Whether the actor looks after that organisation's imports: its partners and coordinators.
CREATE FUNCTION may_import(wanted integer) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE actor_role()
        WHEN 'system' THEN true
        WHEN 'partner' THEN wanted = actor_organisation()
        WHEN 'coordinator' THEN wanted = actor_organisation()
        ELSE false END
$$;

CREATE POLICY import_batch_read ON import_batch FOR SELECT TO quietude_app
    USING (may_import(organisation_id) OR (SELECT actor_role()) IN ('coordinator', 'admin'));
CREATE POLICY import_batch_add ON import_batch FOR INSERT TO quietude_app
    WITH CHECK (may_import(organisation_id) AND account_id = (SELECT actor_account()));
CREATE POLICY import_batch_change ON import_batch FOR UPDATE TO quietude_app
    USING (may_import(organisation_id)) WITH CHECK (may_import(organisation_id));
-- Only what never brought anything in is forgotten.
CREATE POLICY import_batch_remove ON import_batch FOR DELETE TO quietude_app
    USING (may_import(organisation_id) AND state IN ('draft', 'checked', 'failed') AND imported = 0);

CREATE POLICY import_content_own ON import_content TO quietude_app
    USING (EXISTS (SELECT FROM import_batch WHERE id = batch_id AND may_import(organisation_id)))
    WITH CHECK (EXISTS (SELECT FROM import_batch WHERE id = batch_id AND may_import(organisation_id)));
CREATE POLICY import_report_read ON import_report FOR SELECT TO quietude_app
    USING (EXISTS (SELECT FROM import_batch WHERE id = batch_id AND may_import(organisation_id)));
CREATE POLICY import_report_write ON import_report TO quietude_app
    USING ((SELECT actor_role()) = 'system') WITH CHECK ((SELECT actor_role()) = 'system');
CREATE POLICY import_mapping_own ON import_mapping TO quietude_app
    USING (may_import(organisation_id)) WITH CHECK (may_import(organisation_id));

-- A deleted report is looked for in every table that refers to reports: there it must not be read row by row.
CREATE INDEX notification_report_idx ON notification (report_id) WHERE report_id IS NOT NULL;
CREATE INDEX bulk_move_report_report_idx ON bulk_move_report (report_id);

-- ── Undo ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

-- The reports of an import to which something happened since, with the first reason found: 'history' (somebody moved it or
-- said something of it), else the table that refers to it. Only the system sees them all. Asked of every foreign key there
-- is, so that a table of a later revision is not forgotten.
CREATE FUNCTION import_touched(wanted uuid) RETURNS TABLE (report_id uuid, reason text) LANGUAGE plpgsql STABLE AS $$
DECLARE
    link record;
BEGIN
    RETURN QUERY SELECT item.report_id, 'history'
        FROM import_report AS item
        WHERE item.batch_id = wanted AND item.added AND EXISTS (
            SELECT FROM report_event AS event WHERE event.report_id = item.report_id
                AND event.kind NOT IN ('created', 'imported_state', 'escalated'));
    RETURN QUERY SELECT item.report_id, 'patrol_passage_report'
        FROM import_report AS item JOIN patrol_passage_report AS passage ON passage.report_id = item.report_id
        WHERE item.batch_id = wanted AND item.added;
    FOR link IN
        SELECT conrelid::regclass::text AS table_name, attname AS column_name
        FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
        WHERE contype = 'f' AND confrelid = 'report'::regclass
            AND conrelid NOT IN ('report_event'::regclass, 'notification'::regclass)
    LOOP
        RETURN QUERY EXECUTE format(
            'SELECT item.report_id, %L::text FROM import_report AS item JOIN %s AS other ON other.%I = item.report_id
             WHERE item.batch_id = $1 AND item.added', link.table_name, link.table_name, link.column_name) USING wanted;
    END LOOP;
END $$;

-- The history is append-only, but for reports that an undo removes with all they had: nothing but their arrival.
CREATE FUNCTION being_undone() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT nullif(current_setting('app.undoing_import', true), '')::uuid $$;
CREATE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.kind IN ('created', 'imported_state', 'escalated') AND EXISTS (
        SELECT FROM import_report AS item JOIN import_batch ON import_batch.id = item.batch_id
        WHERE item.batch_id = being_undone() AND item.report_id = OLD.report_id AND item.added AND state = 'undoing')
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
DROP TRIGGER report_event_append_only ON report_event;
CREATE TRIGGER report_event_append_only BEFORE UPDATE OR DELETE ON report_event
    FOR EACH ROW EXECUTE FUNCTION refuse_event_change();

-- The application may not delete a report; the owner, who may, sees none (FORCE) but those of the import being undone.
CREATE POLICY import_batch_undo ON import_batch FOR SELECT TO CURRENT_USER USING (id = being_undone());
CREATE POLICY import_report_undo ON import_report TO CURRENT_USER USING (batch_id = being_undone());
CREATE POLICY report_undo ON report TO CURRENT_USER USING (EXISTS (
    SELECT FROM import_report AS item WHERE item.batch_id = being_undone() AND item.report_id = report.id AND item.added));
CREATE POLICY report_event_undo ON report_event TO CURRENT_USER USING (EXISTS (
    SELECT FROM import_report AS item
    WHERE item.batch_id = being_undone() AND item.report_id = report_event.report_id AND item.added));
CREATE POLICY notification_undo ON notification TO CURRENT_USER USING (EXISTS (
    SELECT FROM import_report AS item
    WHERE item.batch_id = being_undone() AND item.report_id = notification.report_id AND item.added));

-- Removes the reports that an import added and that are not named as kept, with their history; how many. The import must be
-- 'undoing'. A foreign key or an event that says more than their arrival stops it altogether.
CREATE FUNCTION remove_imported(wanted uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    gone uuid[];
    removed bigint;
BEGIN
    PERFORM set_config('app.undoing_import', wanted::text, true);
    IF actor_role() IS DISTINCT FROM 'system' OR NOT EXISTS (SELECT FROM import_batch WHERE id = wanted AND state = 'undoing') THEN
        RAISE EXCEPTION 'import % is not being undone', wanted USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT array_agg(report_id) INTO gone FROM import_report
        WHERE batch_id = wanted AND added AND kept_because IS NULL;
    DELETE FROM notification WHERE report_id = ANY (gone);
    DELETE FROM report_event WHERE report_id = ANY (gone);
    DELETE FROM report WHERE id = ANY (gone);
    GET DIAGNOSTICS removed = ROW_COUNT;
    DELETE FROM import_report WHERE batch_id = wanted AND report_id = ANY (gone);
    PERFORM set_config('app.undoing_import', '', true);
    RETURN removed;
END $$;
REVOKE ALL ON FUNCTION remove_imported(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remove_imported(uuid) TO quietude_app;
