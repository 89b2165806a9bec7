-- Mails, digests and webhooks (docs/decisions/0017). A notification is a row before it is a mail: nothing is sent that is not
-- here, and what is here was sent at most once for one event and recipient.

-- ── The outbox: the history itself ────────────────────────────────────────────────────────────────────────────────────

-- The transaction that wrote the line: a reader that goes up to pg_snapshot_xmin never misses a line committed out of order.
-- NULL for older lines, so that the table is not rewritten. Imports have no account and cost no index entry.
ALTER TABLE report_event ADD COLUMN txid xid8;
ALTER TABLE report_event ALTER COLUMN txid SET DEFAULT pg_current_xact_id();
CREATE INDEX report_event_outbox_idx ON report_event (txid) WHERE account_id IS NOT NULL OR kind = 'escalated';

-- Up to which transaction the history has been read. One row.
CREATE TABLE notification_cursor (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    horizon xid8 NOT NULL
);
INSERT INTO notification_cursor (horizon) VALUES (pg_current_xact_id());

-- ── What an organisation wants ────────────────────────────────────────────────────────────────────────────────────────

-- Without a row an organisation gets no mail.
CREATE TABLE notification_setting (
    organisation_id integer PRIMARY KEY REFERENCES organisation,
    emails text[] NOT NULL DEFAULT '{}' CHECK (cardinality(emails) <= 5),
    kinds text[] NOT NULL DEFAULT '{}' CHECK (
        kinds <@ ARRAY['assigned', 'transferred', 'reopened', 'overdue', 'question']),
    digest boolean NOT NULL DEFAULT true,
    language text NOT NULL DEFAULT 'fr' CHECK (language IN ('fr', 'en')),
    -- The last day (Europe/Paris) whose digest was decided, whether there was something to say or not.
    digest_day date,
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE webhook (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id integer NOT NULL REFERENCES organisation,
    url text NOT NULL CHECK (length(url) BETWEEN 8 AND 500),
    -- Encrypted with a key derived from QUIETUDE_SECRET_KEY: a copy of the database signs nothing.
    secret_encrypted bytea NOT NULL,
    kinds text[] NOT NULL CHECK (cardinality(kinds) > 0 AND kinds <@ ARRAY[
        'assigned', 'transferred', 'reopened', 'overdue', 'question', 'state_changed']),
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz
);
CREATE INDEX webhook_organisation_idx ON webhook (organisation_id) WHERE removed_at IS NULL;

-- ── What was and will be sent ─────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE notification (
    -- The Message-ID and the Quietude-Delivery of every attempt: a repetition is recognised by it.
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id integer NOT NULL REFERENCES organisation,
    channel text NOT NULL CHECK (channel IN ('mail', 'webhook')),
    kind text NOT NULL CHECK (kind IN (
        'assigned', 'transferred', 'reopened', 'overdue', 'question', 'state_changed', 'digest', 'test')),
    -- The mail address, or the webhook's id.
    recipient text NOT NULL,
    webhook_id uuid REFERENCES webhook,
    event_id bigint REFERENCES report_event,
    report_id uuid REFERENCES report,
    digest_day date,
    created_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed', 'not_sent')),
    -- Why it was not sent, as a code.
    reason text,
    ended_at timestamptz,
    CHECK ((channel = 'webhook') = (webhook_id IS NOT NULL)),
    CHECK ((kind = 'digest') = (digest_day IS NOT NULL)),
    CHECK ((event_id IS NULL) = (kind IN ('digest', 'test')) AND (event_id IS NULL) = (report_id IS NULL))
);
-- Never twice for one event, whoever reads the history however often.
CREATE UNIQUE INDEX notification_event_key ON notification (event_id, organisation_id, recipient) WHERE event_id IS NOT NULL;
CREATE UNIQUE INDEX notification_digest_key ON notification (digest_day, organisation_id, recipient)
    WHERE digest_day IS NOT NULL;
CREATE INDEX notification_organisation_idx ON notification (organisation_id, created_at DESC, id);
-- How many mails went to one address lately.
CREATE INDEX notification_recipient_idx ON notification (recipient, ended_at) WHERE state = 'sent';

-- The delivery log: one line an attempt.
CREATE TABLE notification_attempt (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification_id uuid NOT NULL REFERENCES notification ON DELETE CASCADE,
    at timestamptz NOT NULL,
    succeeded boolean NOT NULL,
    -- The HTTP or SMTP status, if there was an answer, and its first bytes.
    status integer,
    duration_ms integer NOT NULL CHECK (duration_ms >= 0),
    answer text CHECK (length(answer) <= 500),
    error text CHECK (length(error) <= 300)
);
CREATE INDEX notification_attempt_notification_idx ON notification_attempt (notification_id, id);

-- ── What the application role may ─────────────────────────────────────────────────────────────────────────────────────

GRANT SELECT, INSERT, UPDATE ON notification_cursor, notification_setting TO quietude_app;
GRANT SELECT, INSERT ON webhook, notification_attempt TO quietude_app;
GRANT UPDATE (active, removed_at) ON webhook TO quietude_app;
GRANT SELECT, INSERT, DELETE ON notification TO quietude_app;
GRANT UPDATE (state, reason, ended_at) ON notification TO quietude_app;

-- Whether the actor looks after an organisation's notifications: its partners and coordinators, and administrators.
CREATE FUNCTION may_configure(wanted integer) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE actor_role()
        WHEN 'system' THEN true
        WHEN 'admin' THEN true
        WHEN 'partner' THEN wanted = actor_organisation()
        WHEN 'coordinator' THEN wanted = actor_organisation()
        ELSE false END
$$;

ALTER TABLE notification_cursor ENABLE ROW LEVEL SECURITY;
ALTER TABLE notification_cursor FORCE ROW LEVEL SECURITY;
ALTER TABLE notification_setting ENABLE ROW LEVEL SECURITY;
ALTER TABLE notification_setting FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook FORCE ROW LEVEL SECURITY;
ALTER TABLE notification ENABLE ROW LEVEL SECURITY;
ALTER TABLE notification FORCE ROW LEVEL SECURITY;
ALTER TABLE notification_attempt ENABLE ROW LEVEL SECURITY;
ALTER TABLE notification_attempt FORCE ROW LEVEL SECURITY;

CREATE POLICY notification_cursor_system ON notification_cursor TO quietude_app USING ((SELECT actor_role()) = 'system');
CREATE POLICY notification_setting_own ON notification_setting TO quietude_app USING (may_configure(organisation_id));
CREATE POLICY webhook_own ON webhook TO quietude_app USING (may_configure(organisation_id));
CREATE POLICY notification_read ON notification FOR SELECT TO quietude_app USING (may_configure(organisation_id));
-- A person may ask for a test and for another try; what is told of reports, and that it was sent, only the system says.
CREATE POLICY notification_add ON notification FOR INSERT TO quietude_app WITH CHECK (
    (SELECT actor_role()) = 'system'
    OR (may_configure(organisation_id) AND kind = 'test' AND state = 'waiting'));
CREATE POLICY notification_change ON notification FOR UPDATE TO quietude_app USING (may_configure(organisation_id))
    WITH CHECK ((SELECT actor_role()) = 'system' OR (may_configure(organisation_id) AND state = 'waiting'));
CREATE POLICY notification_forget ON notification FOR DELETE TO quietude_app USING ((SELECT actor_role()) = 'system');
CREATE POLICY notification_attempt_read ON notification_attempt FOR SELECT TO quietude_app USING (
    EXISTS (SELECT FROM notification WHERE notification.id = notification_id));
CREATE POLICY notification_attempt_add ON notification_attempt FOR INSERT TO quietude_app WITH CHECK (
    (SELECT actor_role()) = 'system');
