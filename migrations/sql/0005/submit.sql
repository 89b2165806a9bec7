-- Reports of one sender in one statement: the token once more, the places, the routes, the rows, their history, the names
-- (decision 32). Starting a statement costs more than running it for one more row, so everything is asked for all of them
-- at once; submit_report() asked a dozen questions for each.

-- The reference places of a point (EPSG:4326); the nearest stop counts up to 250 m. A set, so that it is inlined where it
-- is asked for many points. places_of() gives the same as one record.
CREATE FUNCTION places_around(point geometry)
RETURNS TABLE (neighbourhood_id bigint, iris_id bigint, qpv_id bigint, nearest_stop_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT
        -- Official polygons come before approximate ones; the id decides between neighbours that share an edge.
        (SELECT place.id FROM place
            WHERE kind = 'neighbourhood' AND closed_at IS NULL AND ST_Covers(geom_4326, point)
            ORDER BY approximate, place.id LIMIT 1),
        (SELECT place.id FROM place
            WHERE kind = 'iris' AND closed_at IS NULL AND ST_Covers(geom_4326, point) ORDER BY place.id LIMIT 1),
        (SELECT place.id FROM place
            WHERE kind = 'qpv' AND closed_at IS NULL AND ST_Covers(geom_4326, point) ORDER BY place.id LIMIT 1),
        -- 0.004° of longitude is at least 250 m anywhere south of 56° north.
        (SELECT near.id FROM (
            SELECT place.id, ST_DistanceSphere(geom_4326, point) AS distance_m FROM place
            WHERE kind = 'stop' AND closed_at IS NULL AND geom_4326 && ST_Expand(point, 0.004, 0.004)
        ) AS near WHERE distance_m <= 250 ORDER BY distance_m, near.id LIMIT 1)
$$;

CREATE OR REPLACE FUNCTION places_of(point geometry, OUT neighbourhood_id bigint, OUT iris_id bigint, OUT qpv_id bigint,
                                     OUT nearest_stop_id bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
#variable_conflict use_column
BEGIN
    SELECT around.neighbourhood_id, around.iris_id, around.qpv_id, around.nearest_stop_id
        INTO places_of.neighbourhood_id, places_of.iris_id, places_of.qpv_id, places_of.nearest_stop_id
        FROM places_around(point) AS around;
END $$;

-- given: an array of objects with the columns named below; an id stands there once.
-- outcome: 'added'; 'same' (this body came from this account before) or 'taken' (something else has the id), nothing is
-- changed then; 'place' (the linked place does not exist or is closed); 'actor' (the token, if one is given, does not
-- speak for this actor any more, or may not write). The columns after it are good for 'added' only.
-- It runs with the caller's rights: every policy of report and report_event holds, for the actor that it is given.
DROP FUNCTION submit_report;
CREATE FUNCTION submit_reports(
    actor_role text, actor_account_id integer, actor_organisation_id integer, token_sha256 bytea, given json)
RETURNS TABLE (
    id uuid, outcome text, organisation_id integer, candidate_ids integer[], organisation text,
    reporter_organisation text, neighbourhood text, iris text, qpv text, nearest_stop text, place text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    sent_sha256 bytea;
BEGIN
    PERFORM set_config('app.role', actor_role, true),
        set_config('app.user_id', coalesce(actor_account_id::text, ''), true),
        set_config('app.org_id', coalesce(actor_organisation_id::text, ''), true);

    -- The web server may remember for a while whom a token speaks for; what it does with it is decided here and now.
    IF submit_reports.token_sha256 IS NOT NULL AND NOT EXISTS (
        SELECT FROM api_token
        JOIN account ON account.id = api_token.account_id
        JOIN role ON role.id = account.role_id
        WHERE api_token.token_sha256 = submit_reports.token_sha256 AND api_token.revoked_at IS NULL
            AND (api_token.expires_at IS NULL OR api_token.expires_at > now()) AND api_token.scope = 'write'
            AND account.active AND account.id = actor_account_id AND account.organisation_id = actor_organisation_id
            AND role.name = actor_role)
    THEN
        FOR id IN SELECT (one ->> 'id')::uuid FROM json_array_elements(given) AS one LOOP
            outcome := 'actor';
            RETURN NEXT;
        END LOOP;
        RETURN;
    END IF;

    FOR id, outcome, organisation_id, candidate_ids, organisation, reporter_organisation, neighbourhood, iris, qpv,
        nearest_stop, place, sent_sha256
    IN
        WITH sent AS MATERIALIZED (
            SELECT one.*, point, category.responsible,
                (SELECT linked.name FROM place AS linked WHERE linked.id = one.place_id AND linked.closed_at IS NULL)
                    AS linked_name,
                -- A linked place, a rule for its category, somebody's place around it: then route() says who answers.
                -- Each kind spelled out: only so does the planner know its index.
                one.place_id IS NOT NULL
                OR EXISTS (
                    SELECT FROM routing_rule
                    WHERE active AND coalesce(routing_rule.category_code, one.category_code) = one.category_code
                        AND coalesce(routing_rule.theme_code, category.theme_code) = category.theme_code)
                OR CASE category.responsible
                    WHEN 'transport' THEN EXISTS (
                        SELECT FROM place WHERE kind = 'stop' AND closed_at IS NULL AND organisation_id IS NOT NULL
                            AND geom_4326 && square_around(point, reach_m('stop') + 1))
                    WHEN 'school' THEN EXISTS (
                        SELECT FROM place WHERE kind = 'school' AND closed_at IS NULL AND organisation_id IS NOT NULL
                            AND geom_4326 && square_around(point, reach_m('school') + 1))
                    WHEN 'city' THEN false
                    WHEN 'police' THEN false
                    ELSE EXISTS (
                        SELECT FROM place WHERE kind = 'residence' AND closed_at IS NULL AND organisation_id IS NOT NULL
                            AND geom_4326 && square_around(point, reach_m('residence') + 1))
                    END AS goes_by_spot
            FROM json_to_recordset(given) AS one (
                id uuid, category_code text, lon double precision, lat double precision, cell_25m bigint,
                severity smallint, visibility text, observed_at timestamptz, received_at timestamptz, due_at timestamptz,
                description text, place_id bigint, source text, body_sha256 bytea)
            CROSS JOIN LATERAL (SELECT ST_SetSRID(ST_MakePoint(lon, lat), 4326) AS point OFFSET 0) AS here
            LEFT JOIN category ON category.code = one.category_code
        ), usual AS MATERIALIZED (
            -- Who answers for what lies nowhere in particular, asked once for each kind of category.
            SELECT kind.responsible, answering.organisation_id, answering.details
            FROM (SELECT DISTINCT responsible FROM sent WHERE NOT goes_by_spot) AS kind
            CROSS JOIN LATERAL (SELECT * FROM route_by_place(kind.responsible, NULL, NULL) LIMIT 1) AS answering
        ), found AS MATERIALIZED (
            SELECT sent.*, around.neighbourhood_id, around.iris_id, around.qpv_id, around.nearest_stop_id,
                CASE WHEN goes_by_spot THEN exact.organisation_id ELSE usual.organisation_id END AS organisation_id,
                exact.candidate_ids,
                coalesce(exact.details, usual.details, jsonb_build_object('by', 'nobody')) AS details
            FROM sent
            CROSS JOIN LATERAL places_around(sent.point) AS around
            LEFT JOIN usual ON usual.responsible = sent.responsible AND NOT goes_by_spot
            LEFT JOIN LATERAL (
                -- OFFSET 0: the condition stands before the function, not after it.
                SELECT * FROM route(category_code, point, place_id, observed_at) WHERE goes_by_spot OFFSET 0
            ) AS exact ON true
        ), added AS (
            INSERT INTO report (
                id, category_code, geom_4326, cell_25m, severity, visibility, observed_at, received_at, due_at,
                description, organisation_id, candidate_ids, reporter_organisation_id, reporter_account_id,
                neighbourhood_id, iris_id, qpv_id, nearest_stop_id, place_id, source, body_sha256)
            SELECT id, category_code, point, cell_25m, severity, visibility, observed_at, received_at, due_at,
                description, organisation_id, candidate_ids, actor_organisation_id, actor_account_id,
                neighbourhood_id, iris_id, qpv_id, nearest_stop_id, place_id, source, body_sha256
            FROM found WHERE place_id IS NULL OR linked_name IS NOT NULL
            -- In one order everywhere: two statements with the same two ids would wait for each other.
            ORDER BY id
            ON CONFLICT (id) DO NOTHING
            RETURNING report.id
        ), told AS (
            INSERT INTO report_event (report_id, at, kind, to_state, organisation_id, account_id, role, details)
            SELECT id, received_at, 'created', 'new', actor_organisation_id, actor_account_id, actor_role,
                jsonb_build_object('source', source, 'responsible_id', organisation_id, 'routing', details)
            FROM found JOIN added USING (id)
        )
        SELECT found.id,
            CASE WHEN added.id IS NOT NULL THEN 'added' WHEN place_id IS NOT NULL AND linked_name IS NULL THEN 'place' END,
            found.organisation_id, found.candidate_ids,
            (SELECT name FROM organisation WHERE organisation.id = found.organisation_id),
            (SELECT name FROM organisation WHERE organisation.id = actor_organisation_id),
            (SELECT name FROM place WHERE place.id = neighbourhood_id),
            (SELECT name FROM place WHERE place.id = iris_id),
            (SELECT name FROM place WHERE place.id = qpv_id),
            (SELECT name FROM place WHERE place.id = nearest_stop_id),
            linked_name, found.body_sha256
        FROM found LEFT JOIN added USING (id)
    LOOP
        IF outcome IS NULL THEN
            -- As far as the actor sees it: what it may not read is somebody else's.
            outcome := coalesce((
                SELECT 'same' FROM report AS stored
                WHERE stored.id = submit_reports.id AND stored.body_sha256 = sent_sha256
                    AND stored.reporter_account_id = actor_account_id), 'taken');
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;
