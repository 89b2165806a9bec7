-- Two in three finished synthetic interventions of landlords, on the axis that fits their kind.
INSERT INTO tfpb_entry (intervention_id, organisation_id, axis_code, qpv_place_id, year, amount_eur)
SELECT intervention.id, intervention.organisation_id,
    CASE kind_code
        WHEN 'repair' THEN 'small_works' WHEN 'works' THEN 'small_works' WHEN 'cleaning' THEN 'over_maintenance'
        WHEN 'greenery' THEN 'over_maintenance' WHEN 'bulky_waste' THEN 'waste' WHEN 'wreck_removal' THEN 'waste'
        WHEN 'lighting' THEN 'tranquillity' WHEN 'access_control' THEN 'tranquillity'
        WHEN 'stop_security' THEN 'tranquillity' WHEN 'presence' THEN 'local_staff' WHEN 'mediation' THEN 'social_life'
        WHEN 'awareness' THEN 'consultation' WHEN 'training' THEN 'staff_training' ELSE 'social_life' END,
    intervention.qpv_id, extract(year FROM ends_at AT TIME ZONE 'Europe/Paris')::smallint,
    coalesce(cost_eur, hours * 32, 0)
FROM intervention JOIN organisation ON organisation.id = intervention.organisation_id
WHERE intervention.is_synthetic AND organisation.kind = 'landlord' AND state IN ('done', 'verified')
    AND hashtextextended(intervention.id::text, 1388) % 3 <> 0
