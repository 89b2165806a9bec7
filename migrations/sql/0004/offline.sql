-- What a phone keeps while it has no network is sealed with a key of its account, handed out to nobody else
-- (docs/decisions/0028). It lives here, not in a secret of the settings: losing that must not lose a queue.

CREATE TABLE offline_account (
    account_id integer PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    -- What the phone calls the account: it tells nothing about it.
    tag uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    key bytea NOT NULL CHECK (octet_length(key) = 32)
);

GRANT SELECT, INSERT ON offline_account TO quietude_app;
ALTER TABLE offline_account ENABLE ROW LEVEL SECURITY;
ALTER TABLE offline_account FORCE ROW LEVEL SECURITY;
CREATE POLICY offline_account_read ON offline_account FOR SELECT TO quietude_app USING (
    account_id = (SELECT actor_account()));
CREATE POLICY offline_account_add ON offline_account FOR INSERT TO quietude_app WITH CHECK (
    account_id = (SELECT actor_account()));
