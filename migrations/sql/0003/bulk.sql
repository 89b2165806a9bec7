-- Bulk loads and routing ask which residences and schools are around a point: as for stops (0001), each kind by itself,
-- or every question wades through the polygons that hold the point.
CREATE INDEX place_residence_geom_idx ON place USING gist (geom_4326) WHERE kind = 'residence' AND closed_at IS NULL;
CREATE INDEX place_school_geom_idx ON place USING gist (geom_4326) WHERE kind = 'school' AND closed_at IS NULL;
