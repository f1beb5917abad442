-- depends: 002_add_contacts_column
-- What was tried, what is open at the provider, and what the provider told us.
--
-- attempts, open_sends, events and rollups are written several thousand times a second by statements
-- that take their keys from messages itself: they carry no foreign key, whose check would cost a lock
-- per row. Retention deletes them by campaign.

CREATE TABLE attempts (
  tenant_id   bigint NOT NULL,
  campaign_id bigint NOT NULL,
  position    int NOT NULL,
  number      smallint NOT NULL,
  instance_id bigint NOT NULL,
  lease_id    uuid NOT NULL,
  started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at    timestamptz,          -- NULL while open; set once
  verdict     text,                 -- sent, retry, rest, rejected, unknown
  code        text,
  detail      text,
  http_status int,
  provider_id text,
  PRIMARY KEY (campaign_id, position, number, tenant_id)
);
CALL protect('attempts', 'SELECT');

-- At most one unresolved send per instance and recipient, so evidence is never ambiguous.
CREATE TABLE open_sends (
  tenant_id    bigint NOT NULL,
  instance_id  bigint NOT NULL,
  phone        text NOT NULL,
  campaign_id  bigint NOT NULL,
  position     int NOT NULL,
  attempt      smallint NOT NULL,
  started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  in_doubt     boolean NOT NULL DEFAULT false,
  next_look_at timestamptz,         -- of a doubt: when the provider is asked again
  looks        smallint NOT NULL DEFAULT 0,
  PRIMARY KEY (instance_id, phone, tenant_id)
) WITH (fillfactor = 50);
CALL protect('open_sends', 'SELECT, DELETE');
CREATE UNIQUE INDEX open_sends_of_message ON open_sends (campaign_id, position, tenant_id);
CREATE INDEX open_sends_in_flight ON open_sends (instance_id) WHERE NOT in_doubt;
CREATE INDEX open_sends_to_look ON open_sends (next_look_at) WHERE in_doubt;

-- Provider webhooks: stored first, answered 200, applied afterwards.
CREATE TABLE provider_inbox (
  tenant_id    bigint NOT NULL,
  inbox_id     bigint GENERATED ALWAYS AS IDENTITY,
  instance_id  bigint NOT NULL,
  event        text NOT NULL,
  dedupe_key   text NOT NULL,       -- event, key id and status: Evolution repeats itself
  body         jsonb NOT NULL,      -- data of the envelope, without its apikey
  received_at  timestamptz NOT NULL DEFAULT now(),
  due_at       timestamptz NOT NULL DEFAULT now(),
  tries        smallint NOT NULL DEFAULT 0,
  settled_at   timestamptz,
  outcome      text,                -- applied, known, ignored, unmatched
  PRIMARY KEY (tenant_id, inbox_id),
  FOREIGN KEY (tenant_id, instance_id) REFERENCES instances ON DELETE CASCADE
) WITH (fillfactor = 70);
CALL protect('provider_inbox', 'SELECT, INSERT');
CREATE UNIQUE INDEX provider_inbox_once ON provider_inbox (tenant_id, instance_id, dedupe_key);
CREATE INDEX provider_inbox_due ON provider_inbox (due_at, inbox_id) WHERE settled_at IS NULL;

-- Numbers never written to; checked at creation and again in the statement that begins an attempt.
CREATE TABLE suppressions (
  tenant_id  bigint NOT NULL REFERENCES tenants ON DELETE CASCADE,
  phone      text NOT NULL,
  reason     text NOT NULL,         -- opt_out, manual
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, phone)
);
CALL protect('suppressions', 'SELECT, INSERT, DELETE');

CREATE TABLE idempotency_keys (
  tenant_id  bigint NOT NULL REFERENCES tenants ON DELETE CASCADE,
  route      text NOT NULL,
  key        text NOT NULL,
  body_hash  bytea NOT NULL,
  status     int NOT NULL,
  answer     jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, route, key)
);
CALL protect('idempotency_keys', 'SELECT, INSERT');
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- Append-only: the roles may insert and read, nobody updates.
CREATE TABLE audit_log (
  tenant_id  bigint NOT NULL REFERENCES tenants ON DELETE CASCADE,
  audit_id   bigint GENERATED ALWAYS AS IDENTITY,
  at         timestamptz NOT NULL DEFAULT now(),
  actor      text NOT NULL,
  action     text NOT NULL,
  subject    text NOT NULL,
  detail     jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (tenant_id, audit_id)
);
CALL protect('audit_log', 'SELECT, INSERT');
REVOKE UPDATE, DELETE ON audit_log FROM rapidflow_engine;

GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO rapidflow_app, rapidflow_engine;
