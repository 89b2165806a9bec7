-- route() for a whole batch: asked once for all rows that it cannot tell apart. Beside category, linked place and what each
-- rule says of the row, it looks at the exact spot only when no rule has settled the matter, the category goes by place,
-- the linked place (if any) belongs to nobody, and a place with an owner is in reach: such a row is asked for alone.
-- tests/reports/test_importing_sets.py compares both, row by row.
WITH rule AS MATERIALIZED (
    SELECT routing_rule.id, place_kind, zone_place_id, weekdays, from_time, to_time, zone.kind AS zone_kind,
        coalesce(zone_4326, zone.geom_4326) AS zone_4326,
        coalesce(ST_Dimension(coalesce(zone_4326, zone.geom_4326)) = 2, false) AS is_area,
        ARRAY(
            SELECT code FROM category
            WHERE (routing_rule.category_code IS NULL OR routing_rule.category_code = category.code)
                AND (routing_rule.theme_code IS NULL OR routing_rule.theme_code = category.theme_code)
        ) AS category_codes
    FROM routing_rule LEFT JOIN place AS zone ON zone.id = zone_place_id
    WHERE active
), boxed AS MATERIALIZED (
    -- Twice the five metres of route() around an area; who names a stop or a line may stand anywhere.
    SELECT rule.*, CASE WHEN is_area
        THEN ST_Expand(zone_4326, 10 / (111320 * cos(radians(ST_YMax(zone_4326)))), 10 / 111320.0)
        ELSE ST_MakeEnvelope(-180, -90, 180, 90, 4326) END AS box_4326
    FROM rule
), fit AS (
    -- The conditions of the loop in route(), for each rule and row.
    SELECT staged.ordinal, rule.id AS rule_id,
        NOT is_area OR ST_Covers(rule.zone_4326, square_around(staged.geom_4326, 5)) AS settled
    FROM boxed AS rule
    JOIN bulk_stage AS staged ON staged.geom_4326 && rule.box_4326 AND staged.category_code = ANY (rule.category_codes)
    WHERE (weekdays IS NULL AND from_time IS NULL
            OR in_hours(staged.observed_at AT TIME ZONE 'Europe/Paris', weekdays, from_time, to_time))
        AND CASE
            WHEN is_area THEN ST_Intersects(rule.zone_4326, square_around(staged.geom_4326, 5))
            WHEN rule.zone_4326 IS NOT NULL THEN rule.zone_place_id IS NOT DISTINCT FROM staged.place_id
                OR ST_Distance(rule.zone_4326::geography, staged.geom_4326::geography) <= reach_m(rule.zone_kind)
            ELSE true END
        AND (rule.place_kind IS NULL
            OR EXISTS (SELECT FROM place WHERE place.id = staged.place_id AND kind = rule.place_kind)
            OR EXISTS (SELECT FROM places_at(rule.place_kind, staged.geom_4326)))
), ruled AS (
    SELECT ordinal, bool_or(settled) AS settled, array_agg(rule_id * 2 + settled::integer ORDER BY rule_id) AS verdicts
    FROM fit GROUP BY ordinal
), seen AS (
    SELECT staged.ordinal, staged.category_code, staged.place_id, ruled.verdicts,
        -- Each kind spelled out: only so does the planner know its index.
        coalesce(ruled.settled, false) OR linked.organisation_id IS NOT NULL OR CASE responsible
            WHEN 'transport' THEN NOT EXISTS (
                SELECT FROM places_at('stop', staged.geom_4326) WHERE organisation_id IS NOT NULL)
            WHEN 'school' THEN NOT EXISTS (
                SELECT FROM places_at('school', staged.geom_4326) WHERE organisation_id IS NOT NULL)
            WHEN 'landlord' THEN NOT EXISTS (
                SELECT FROM places_at('residence', staged.geom_4326) WHERE organisation_id IS NOT NULL)
            WHEN 'by_place' THEN NOT EXISTS (
                SELECT FROM places_at('residence', staged.geom_4326) WHERE organisation_id IS NOT NULL)
            ELSE true END AS alike
    FROM bulk_stage AS staged
    JOIN category ON category.code = staged.category_code
    LEFT JOIN place AS linked ON linked.id = staged.place_id
    LEFT JOIN ruled ON ruled.ordinal = staged.ordinal
), sorted AS MATERIALIZED (
    SELECT ordinal, min(ordinal) OVER (
        PARTITION BY category_code, place_id, verdicts, CASE WHEN alike THEN -1 ELSE ordinal END) AS asked_for
    FROM seen
), answer AS MATERIALIZED (
    SELECT staged.ordinal AS asked_for, routed.*
    FROM sorted
    JOIN bulk_stage AS staged USING (ordinal)
    CROSS JOIN LATERAL route(staged.category_code, staged.geom_4326, staged.place_id, staged.observed_at) AS routed
    WHERE sorted.ordinal = sorted.asked_for
)
INSERT INTO bulk_routed (ordinal, organisation_id, candidate_ids, details)
SELECT sorted.ordinal, answer.organisation_id, answer.candidate_ids, answer.details
FROM sorted JOIN answer USING (asked_for)
