-- What the heat cube keeps of a report; fixed-width columns without NULL, in the order of store.COLUMNS.
SELECT report.number::int4,
       ((report.observed_at AT TIME ZONE 'Europe/Paris')::date - DATE '2000-01-01')::int4,
       category.number::int2,
       coalesce(report.organisation_id, 0)::int4,
       report.severity::int2,
       (array_position(%(visibilities)s, report.visibility) - 1)::int2,
       (array_position(%(states)s, report.state) - 1)::int2,
       ST_X(report.geom_4326)::float8,
       ST_Y(report.geom_4326)::float8
FROM report
JOIN category ON category.code = report.category_code
