-- Merging and unmerging are changes of state of their own, if the report is still as it was seen.
UPDATE report SET state = :state, duplicate_of = :duplicate_of, due_at = :due_at, paused_at = NULL
WHERE id = :id AND version = :version
