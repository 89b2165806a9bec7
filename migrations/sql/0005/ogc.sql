-- The first and the last observation, which OGC API – Features says of the collection (docs/decisions/0023): without this a
-- scan of the whole register for two dates.
CREATE INDEX report_observed_idx ON report (observed_at);
