INSERT INTO role (name, description) VALUES
    ('agent', 'reports from the field'),
    ('partner', 'answers for its own places'),
    ('planner', 'analyses and exports'),
    ('coordinator', 'runs the partnership; sees restricted content'),
    ('admin', 'runs the service; does not see restricted content');

INSERT INTO theme (code, label_fr, label_en, position) VALUES
    ('cleanliness', 'Propreté', 'Cleanliness', 1),
    ('street', 'Voirie et espace public', 'Street and public space', 2),
    ('building', 'Immeuble', 'Building', 3),
    ('vehicles', 'Véhicules', 'Vehicles', 4),
    ('tranquillity', 'Tranquillité', 'Tranquillity', 5),
    ('transport', 'Transport', 'Transport', 6),
    ('services', 'Services et soins', 'Services and care', 7),
    ('schools', 'Établissements scolaires', 'Schools', 8);
