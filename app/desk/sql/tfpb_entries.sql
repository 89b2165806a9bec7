-- Entries of the TFPB ledger with the evidence behind each: linked reports and photos that the actor sees. Callers append WHERE.
SELECT
    tfpb_entry.intervention_id, organisation.name AS organisation, organisation.slug AS organisation_slug,
    axis.code AS axis, axis.label_fr AS axis_fr, axis.label_en AS axis_en, axis.position AS axis_position,
    tfpb_entry.qpv_place_id, qpv.code AS qpv_code, qpv.name AS qpv, tfpb_entry.year, tfpb_entry.amount_eur,
    tfpb_entry.version, kind.label_fr AS kind_fr, kind.label_en AS kind_en, intervention.state,
    intervention.starts_at, intervention.ends_at, neighbourhood.name AS neighbourhood, intervention.hours,
    intervention.description,
    (SELECT count(*) FROM intervention_report WHERE intervention_report.intervention_id = intervention.id) AS reports,
    (SELECT count(*) FROM photo WHERE photo.intervention_id = intervention.id AND photo.state <> 'removed') AS photos,
    intervention.is_synthetic
FROM tfpb_entry
JOIN intervention ON intervention.id = tfpb_entry.intervention_id
JOIN intervention_kind AS kind ON kind.code = intervention.kind_code
JOIN organisation ON organisation.id = tfpb_entry.organisation_id
JOIN tfpb_axis AS axis ON axis.code = tfpb_entry.axis_code
LEFT JOIN place AS qpv ON qpv.id = tfpb_entry.qpv_place_id
LEFT JOIN place AS neighbourhood ON neighbourhood.id = intervention.neighbourhood_id
