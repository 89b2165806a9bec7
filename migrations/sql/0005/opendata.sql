-- What the open data are made from (docs/decisions/0030), made anew by the worker every hour: counting a large register takes
-- seconds, which nobody who opens the page should wait. One row; exact counts, so for the system alone.
CREATE TABLE opendata_counts (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    until timestamptz NOT NULL,
    small integer NOT NULL,
    counts jsonb NOT NULL CHECK (jsonb_typeof(counts) = 'array'),
    made_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON opendata_counts TO quietude_app;
ALTER TABLE opendata_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE opendata_counts FORCE ROW LEVEL SECURITY;
CREATE POLICY opendata_counts_system ON opendata_counts TO quietude_app
    USING ((SELECT actor_role()) = 'system') WITH CHECK ((SELECT actor_role()) = 'system');
