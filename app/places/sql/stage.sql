-- What the file holds, as text comes in by COPY; gone with the transaction.
CREATE TEMPORARY TABLE staged_place (
    row_number integer NOT NULL,
    kind text NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    geom_4326 geometry(Geometry, 4326) NOT NULL,
    attributes jsonb NOT NULL,
    PRIMARY KEY (kind, code)
) ON COMMIT DROP;
-- Codes of rows that were refused: their places are still in the file, so they did not vanish.
CREATE TEMPORARY TABLE refused_place (kind text NOT NULL, code text NOT NULL) ON COMMIT DROP
