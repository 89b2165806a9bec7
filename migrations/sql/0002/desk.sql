-- ── The TFPB ledger (docs/decisions/0014) ─────────────────────────────────────────────────────────────────────────────

-- The eight axes of the national framework for the use of the rebate (art. 1388 bis CGI), in its own words.
CREATE TABLE tfpb_axis (
    code text PRIMARY KEY CHECK (code ~ '^[a-z][a-z0-9_]*$'),
    label_fr text NOT NULL,
    label_en text NOT NULL,
    position smallint NOT NULL,
    active boolean NOT NULL DEFAULT true
);
INSERT INTO tfpb_axis (code, label_fr, label_en, position) VALUES
    ('local_staff', 'Renforcement de la présence du personnel de proximité', 'More local staff on site', 1),
    ('staff_training', 'Formation/soutien des personnels de proximité', 'Training and support of local staff', 2),
    ('over_maintenance', 'Sur-entretien', 'Over-maintenance', 3),
    ('waste', 'Gestion des déchets et encombrants / épaves', 'Waste, bulky items, wrecks', 4),
    ('tranquillity', 'Tranquillité résidentielle', 'Residential tranquillity', 5),
    ('consultation', 'Concertation/sensibilisation des locataires', 'Consultation and awareness of tenants', 6),
    ('social_life', 'Animation, lien social, vivre ensemble', 'Social life, living together', 7),
    ('small_works', 'Petits travaux d''amélioration de la qualité de service', 'Small works for better service', 8);

-- What a landlord claims for one of its interventions. Amounts are what was spent in that tax year.
CREATE TABLE tfpb_entry (
    intervention_id uuid PRIMARY KEY REFERENCES intervention,
    organisation_id integer NOT NULL REFERENCES organisation,
    axis_code text NOT NULL REFERENCES tfpb_axis,
    -- The priority neighbourhood; NULL while nobody has said which.
    qpv_place_id bigint REFERENCES place,
    year smallint NOT NULL CHECK (year BETWEEN 2015 AND 2100),
    amount_eur numeric(12, 2) NOT NULL CHECK (amount_eur >= 0),
    version integer NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tfpb_entry_year_idx ON tfpb_entry (organisation_id, year);

GRANT SELECT, INSERT, UPDATE ON tfpb_axis TO quietude_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON tfpb_entry TO quietude_app;
ALTER TABLE tfpb_entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE tfpb_entry FORCE ROW LEVEL SECURITY;
-- A landlord sees and keeps its own; the coordination all.
CREATE POLICY tfpb_entry_read ON tfpb_entry FOR SELECT TO quietude_app USING (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'coordinator' THEN true
        WHEN 'partner' THEN organisation_id = (SELECT actor_organisation())
        ELSE false
    END);
-- Only of an intervention of that very organisation, and only when it is a landlord.
CREATE POLICY tfpb_entry_write ON tfpb_entry FOR ALL TO quietude_app USING (
    CASE (SELECT actor_role())
        WHEN 'system' THEN true
        WHEN 'coordinator' THEN true
        WHEN 'partner' THEN organisation_id = (SELECT actor_organisation())
        ELSE false
    END) WITH CHECK (
    ((SELECT actor_role()) IN ('system', 'coordinator')
        OR (SELECT actor_role()) = 'partner' AND organisation_id = (SELECT actor_organisation()))
    AND EXISTS (SELECT FROM intervention JOIN organisation ON organisation.id = intervention.organisation_id
                WHERE intervention.id = intervention_id AND organisation.kind = 'landlord'
                    AND intervention.organisation_id = tfpb_entry.organisation_id)
    AND (qpv_place_id IS NULL OR EXISTS (SELECT FROM place WHERE place.id = qpv_place_id AND place.kind = 'qpv')));
