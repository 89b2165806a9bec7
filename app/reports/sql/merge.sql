-- Merging and unmerging are changes of state of their own, if the report is still as it was seen.
-- stood_s: for how long nobody was expected to work on it until now, by a question or as a duplicate.
UPDATE report SET state = :state, duplicate_of = :duplicate_of, due_at = :due_at, paused_at = NULL,
    paused_s = paused_s + :stood_s
WHERE id = :id AND version = :version
