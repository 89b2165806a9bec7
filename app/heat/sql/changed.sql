-- Appended to rows.sql. A change is new when its transaction was not visible in the snapshot that was read before:
-- a transaction that began earlier and commits later is delivered then, whatever its number. The first condition only
-- serves the index; the second leaves out numbers that this cluster has not reached (rows restored from another one).
WHERE report.changed_txid >= %(xmin)s
  AND report.changed_txid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
  AND NOT pg_visible_in_snapshot(report.changed_txid::text::xid8, %(snapshot)s::pg_snapshot)
