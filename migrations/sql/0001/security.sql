-- What the application role may do, and row-level security for the roles of docs/design.md.

GRANT USAGE ON SCHEMA public TO quietude_app;
GRANT SELECT, INSERT, UPDATE ON organisation, account, geodata_import, place, theme, category TO quietude_app;
GRANT SELECT ON role TO quietude_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON api_token TO quietude_app;
GRANT SELECT, INSERT, DELETE ON ended_session TO quietude_app;
GRANT SELECT, INSERT, UPDATE ON report TO quietude_app;
GRANT SELECT, INSERT ON report_event TO quietude_app;
GRANT SELECT ON alembic_version TO quietude_app;

-- Scalar subqueries below are evaluated once a statement, not once a row.
CREATE FUNCTION actor_role() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT nullif(current_setting('app.role', true), '') $$;
CREATE FUNCTION actor_organisation() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT nullif(current_setting('app.org_id', true), '')::integer $$;
CREATE FUNCTION actor_account() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT nullif(current_setting('app.user_id', true), '')::integer $$;

ALTER TABLE report ENABLE ROW LEVEL SECURITY;
ALTER TABLE report FORCE ROW LEVEL SECURITY;
ALTER TABLE report_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE report_event FORCE ROW LEVEL SECURITY;

-- Nobody known: nothing. Each role: what DESIGN section 6 says.
CREATE POLICY report_read ON report FOR SELECT TO quietude_app USING (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'coordinator' THEN true
        WHEN 'planner' THEN visibility <> 'restricted'
        WHEN 'admin' THEN visibility <> 'restricted'
        WHEN 'partner' THEN visibility <> 'restricted' OR organisation_id = (SELECT actor_organisation())
            OR reporter_organisation_id = (SELECT actor_organisation())
        WHEN 'agent' THEN
            reporter_organisation_id = (SELECT actor_organisation())
            OR organisation_id = (SELECT actor_organisation())
            OR (visibility <> 'restricted'
                AND state IN ('new', 'acknowledged', 'assigned', 'in_progress', 'reopened'))
        ELSE false
    END);

CREATE POLICY report_add ON report FOR INSERT TO quietude_app WITH CHECK (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'agent' THEN reporter_organisation_id = (SELECT actor_organisation())
            AND reporter_account_id = (SELECT actor_account())
        WHEN 'partner' THEN reporter_organisation_id = (SELECT actor_organisation())
            AND reporter_account_id = (SELECT actor_account())
        WHEN 'coordinator' THEN reporter_organisation_id = (SELECT actor_organisation())
            AND reporter_account_id = (SELECT actor_account())
        ELSE false
    END);

CREATE POLICY report_change ON report FOR UPDATE TO quietude_app USING (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'coordinator' THEN true
        WHEN 'partner' THEN organisation_id = (SELECT actor_organisation())
        ELSE false
    END) WITH CHECK (true);

-- An event is seen by whoever sees its report (the subquery is itself under report's policy).
CREATE POLICY report_event_read ON report_event FOR SELECT TO quietude_app USING (
    CASE (SELECT actor_role()) WHEN 'system' THEN true
        -- Correlated: `IN (SELECT id FROM report)` would read every report for one history.
        ELSE EXISTS (SELECT FROM report WHERE report.id = report_event.report_id) END);
CREATE POLICY report_event_add ON report_event FOR INSERT TO quietude_app WITH CHECK (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'public' THEN false
        ELSE role = (SELECT actor_role()) AND account_id = (SELECT actor_account())
            AND organisation_id = (SELECT actor_organisation())
    END);

-- Only an owner may ANALYZE, and a bulk load cannot wait for autovacuum: a register whose rows were all rolled back or
-- deleted counts as empty however large its file is, every index then looks equally good, and the check of
-- report_event's foreign key may read a whole one for each row. SKIP LOCKED: a second load need not wait for the first.
CREATE FUNCTION analyse_reports() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    ANALYZE (SKIP_LOCKED) public.report;
    ANALYZE (SKIP_LOCKED) public.report_event;
END $$;
REVOKE ALL ON FUNCTION analyse_reports() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analyse_reports() TO quietude_app;
