-- "Still there" and "gone" from a phone that may have had no network: the phone makes the id, and sent twice it stands in
-- the history once. The rows are lines of report_event under its policies; the index sees all of them, whoever asks.
CREATE UNIQUE INDEX report_event_confirmation_key ON report_event ((details ->> 'confirmation'))
    WHERE kind IN ('still_there', 'gone') AND details ? 'confirmation';
