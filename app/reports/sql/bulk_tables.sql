-- Where a bulk load stands before it is a report: row-level security forbids COPY into `report` itself.
CREATE TEMPORARY TABLE bulk_stage (
    ordinal bigint NOT NULL,
    id uuid NOT NULL,
    source_ref text,
    category_code text NOT NULL,
    lon double precision NOT NULL,
    lat double precision NOT NULL,
    geom_4326 geometry(Point, 4326) NOT NULL GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(lon, lat), 4326)) STORED,
    cell_25m bigint NOT NULL,
    severity smallint NOT NULL,
    observed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    description text,
    place_id bigint,
    state text NOT NULL
) ON COMMIT DROP;
-- What happened to a report afterwards; an event of the responsible organisation finds it when the report is routed.
CREATE TEMPORARY TABLE bulk_history (
    report_id uuid NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    from_state text,
    to_state text,
    by_responsible boolean NOT NULL,
    organisation_id integer,
    role text NOT NULL,
    details jsonb NOT NULL
) ON COMMIT DROP;
-- What bulk_places.sql and bulk_route.sql find out about each row of the batch.
CREATE TEMPORARY TABLE bulk_located (
    ordinal bigint NOT NULL,
    neighbourhood_id bigint,
    iris_id bigint,
    qpv_id bigint,
    nearest_stop_id bigint
) ON COMMIT DROP;
CREATE TEMPORARY TABLE bulk_routed (
    ordinal bigint NOT NULL,
    organisation_id integer,
    candidate_ids integer[],
    details jsonb NOT NULL
) ON COMMIT DROP;
-- Ids of the rows before this batch: a file is longer than memory.
CREATE TEMPORARY TABLE bulk_seen (id uuid PRIMARY KEY) ON COMMIT DROP;
