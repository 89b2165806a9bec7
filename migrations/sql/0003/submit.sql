-- One report in one round trip: who is asking, the token once more, the place, the route, the row, its history, the names.
--
-- plpgsql on purpose: each statement below is planned once a connection, where one large statement with the same parts is
-- planned for every report (2 ms of processor, four times what running it takes).
-- It runs with the caller's rights: every policy of report and report_event holds, for the actor that it is given.

-- outcome: 'added'; 'same' (this body came from this account before) or 'taken' (something else has the id), nothing is
-- changed then; 'place' (the linked place does not exist or is closed); 'actor' (the token, if one is given, does not
-- speak for this actor any more, or may not write). The other columns are filled for 'added' only.
CREATE FUNCTION submit_report(
    actor_role text, actor_account_id integer, actor_organisation_id integer, token_sha256 bytea,
    report_id uuid, category_code text, lon double precision, lat double precision, cell_25m bigint, severity integer,
    visibility text, observed_at timestamptz, received_at timestamptz, due_at timestamptz, description text,
    linked_place_id bigint, source text, body_sha256 bytea,
    OUT outcome text, OUT organisation_id integer, OUT candidate_ids integer[], OUT organisation text,
    OUT reporter_organisation text, OUT neighbourhood text, OUT iris text, OUT qpv text, OUT nearest_stop text,
    OUT place text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    point geometry := ST_SetSRID(ST_MakePoint(lon, lat), 4326);
    routed record;
    located record;
BEGIN
    PERFORM set_config('app.role', actor_role, true),
        set_config('app.user_id', coalesce(actor_account_id::text, ''), true),
        set_config('app.org_id', coalesce(actor_organisation_id::text, ''), true);

    -- The web server may remember for a while whom a token speaks for; what it does with it is decided here and now.
    IF submit_report.token_sha256 IS NOT NULL AND NOT EXISTS (
        SELECT FROM api_token
        JOIN account ON account.id = api_token.account_id
        JOIN role ON role.id = account.role_id
        WHERE api_token.token_sha256 = submit_report.token_sha256 AND api_token.revoked_at IS NULL
            AND (api_token.expires_at IS NULL OR api_token.expires_at > now()) AND api_token.scope = 'write'
            AND account.active AND account.id = actor_account_id AND account.organisation_id = actor_organisation_id
            AND role.name = actor_role)
    THEN
        outcome := 'actor';
        RETURN;
    END IF;

    IF linked_place_id IS NOT NULL THEN
        SELECT linked.name INTO submit_report.place FROM place AS linked
            WHERE linked.id = linked_place_id AND linked.closed_at IS NULL;
        IF NOT FOUND THEN
            outcome := 'place';
            RETURN;
        END IF;
    END IF;

    SELECT * INTO routed FROM route(submit_report.category_code, point, linked_place_id, submit_report.observed_at);
    SELECT * INTO located FROM places_of(point);
    INSERT INTO report (
        id, category_code, geom_4326, cell_25m, severity, visibility, observed_at, received_at, due_at, description,
        organisation_id, candidate_ids, reporter_organisation_id, reporter_account_id,
        neighbourhood_id, iris_id, qpv_id, nearest_stop_id, place_id, source, body_sha256)
    VALUES (
        submit_report.report_id, submit_report.category_code, point, submit_report.cell_25m, submit_report.severity,
        submit_report.visibility, submit_report.observed_at, submit_report.received_at, submit_report.due_at,
        submit_report.description, routed.organisation_id, routed.candidate_ids, actor_organisation_id, actor_account_id,
        located.neighbourhood_id, located.iris_id, located.qpv_id, located.nearest_stop_id, linked_place_id,
        submit_report.source, submit_report.body_sha256)
    ON CONFLICT (id) DO NOTHING;
    IF NOT FOUND THEN
        -- As far as the actor sees it: what it may not read is somebody else's.
        SELECT CASE WHEN stored.body_sha256 = submit_report.body_sha256
                AND stored.reporter_account_id = actor_account_id THEN 'same' END
            INTO outcome FROM report AS stored WHERE stored.id = submit_report.report_id;
        outcome := coalesce(outcome, 'taken');
        RETURN;
    END IF;
    INSERT INTO report_event (report_id, at, kind, to_state, organisation_id, account_id, role, details)
    VALUES (
        submit_report.report_id, submit_report.received_at, 'created', 'new', actor_organisation_id, actor_account_id,
        actor_role,
        jsonb_build_object('source', submit_report.source, 'responsible_id', routed.organisation_id,
                           'routing', routed.details));

    outcome := 'added';
    organisation_id := routed.organisation_id;
    candidate_ids := routed.candidate_ids;
    -- Asked only where there is something to ask for: a look-up costs as much for NULL.
    SELECT own.name INTO submit_report.reporter_organisation FROM organisation AS own WHERE own.id = actor_organisation_id;
    IF routed.organisation_id = actor_organisation_id THEN
        organisation := reporter_organisation;
    ELSIF routed.organisation_id IS NOT NULL THEN
        SELECT answering.name INTO submit_report.organisation FROM organisation AS answering
            WHERE answering.id = routed.organisation_id;
    END IF;
    IF located.neighbourhood_id IS NOT NULL THEN
        SELECT near.name INTO submit_report.neighbourhood FROM place AS near WHERE near.id = located.neighbourhood_id;
    END IF;
    IF located.iris_id IS NOT NULL THEN
        SELECT near.name INTO submit_report.iris FROM place AS near WHERE near.id = located.iris_id;
    END IF;
    IF located.qpv_id IS NOT NULL THEN
        SELECT near.name INTO submit_report.qpv FROM place AS near WHERE near.id = located.qpv_id;
    END IF;
    IF located.nearest_stop_id IS NOT NULL THEN
        SELECT near.name INTO submit_report.nearest_stop FROM place AS near WHERE near.id = located.nearest_stop_id;
    END IF;
END $$;
