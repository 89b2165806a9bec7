-- Rules as the screens show them. Callers append WHERE and ORDER BY.
SELECT
    routing_rule.id, routing_rule.position, routing_rule.label, routing_rule.active, routing_rule.category_code,
    routing_rule.theme_code, routing_rule.place_kind, routing_rule.zone_place_id, zone.name AS zone_place,
    ST_AsGeoJSON(routing_rule.zone_4326, 6) AS zone, coalesce(routing_rule.weekdays, '{}') AS weekdays,
    routing_rule.from_time, routing_rule.to_time, organisation.slug AS organisation_slug,
    organisation.name AS organisation, routing_rule.version
FROM routing_rule
JOIN organisation ON organisation.id = routing_rule.organisation_id
LEFT JOIN place AS zone ON zone.id = routing_rule.zone_place_id
