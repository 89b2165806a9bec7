-- Exports: texts safe in a spreadsheet, and who took what out.

-- A CSV field: always quoted, and with an apostrophe before what a spreadsheet would take for a formula (OWASP, "CSV
-- Injection": = + - @ also after blanks and in their full width, tab and carriage return). A plain SQL function: inlined.
CREATE FUNCTION csv_text(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '"' || CASE WHEN value ~ '^(\s*[-=+@＝＋－＠]|[\t\r\n])' THEN '''' ELSE '' END || replace(value, '"', '""') || '"'
$$;

-- Written when an export begins: who asks is known then, and whoever breaks it off has read until there.
CREATE TABLE export_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    what text NOT NULL,
    format text NOT NULL,
    -- The filter as the query of an address.
    query text NOT NULL,
    -- No foreign keys: the line outlives them. NULL: taken out from the shell.
    account_id integer,
    organisation_id integer,
    role text NOT NULL
);
CREATE INDEX export_log_account_idx ON export_log (account_id, at DESC);
CREATE TRIGGER export_log_append_only BEFORE UPDATE OR DELETE ON export_log FOR EACH ROW EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON export_log TO quietude_app;
ALTER TABLE export_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE export_log FORCE ROW LEVEL SECURITY;
CREATE POLICY export_log_read ON export_log FOR SELECT TO quietude_app USING (
    CASE (SELECT actor_role()) WHEN 'system' THEN true WHEN 'admin' THEN true
        ELSE account_id = (SELECT actor_account()) END);
CREATE POLICY export_log_add ON export_log FOR INSERT TO quietude_app WITH CHECK (
    (SELECT actor_role()) IN ('system', 'planner', 'coordinator') AND role = (SELECT actor_role())
    AND account_id IS NOT DISTINCT FROM (SELECT nullif(actor_account(), 0)));
