-- Where the newest reports would go by the rules as they stand in this transaction. Reads `report` and changes nothing.
SELECT recent.id, recent.category_code, recent.received_at, routed.organisation_id,
    organisation.name AS organisation, routed.details
FROM (
    SELECT id, category_code, geom_4326, place_id, observed_at, received_at FROM report
    WHERE received_at >= :since ORDER BY received_at DESC, id LIMIT :limit
) AS recent
CROSS JOIN LATERAL route(recent.category_code, recent.geom_4326, recent.place_id, recent.observed_at) AS routed
LEFT JOIN organisation ON organisation.id = routed.organisation_id
ORDER BY recent.received_at DESC, recent.id
