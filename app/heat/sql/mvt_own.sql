-- What the actor's organisation reads beyond what the cube gives everybody of the role, counted by cell: {beyond} says
-- which. The index on either organisation finds the rows; row-level security is above this, as everywhere.
SELECT report.cell_25m, category.number AS category, report.severity, count(*) AS reports
FROM report
JOIN category ON category.code = report.category_code
WHERE (report.organisation_id = :own OR report.reporter_organisation_id = :own)
    AND report.state <> ALL (:withdrawn) AND {beyond} AND {conditions}
GROUP BY report.cell_25m, category.number, report.severity
