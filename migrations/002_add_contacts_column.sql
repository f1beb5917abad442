-- depends: 001_schema
-- The contacts of a campaign: rows of their own instead of a column of the campaign, so that each one
-- has a state. What never changes (contacts) is kept apart from what changes at every step (messages):
-- a state change rewrites a narrow row, and erasing a person touches one table.
--
-- Partitioning: none today. Every key leads with the campaign, whose numbers only grow, so inserts and
-- lookups stay in the newest leaves whatever the table's size, and each unique key holds campaign_id:
-- RANGE (campaign_id) partitions can be introduced later without changing one of them.

CREATE TABLE contacts (
  tenant_id   bigint NOT NULL,
  campaign_id bigint NOT NULL,
  position    int NOT NULL,          -- index in the list as submitted, from 0
  name        text NOT NULL,
  phone       text NOT NULL,         -- canonical digits; as given (bounded) where it was not usable
  variables   jsonb NOT NULL DEFAULT '{}',
  body        text,                  -- the text that is sent, on every attempt; NULL: never sent
  PRIMARY KEY (campaign_id, position, tenant_id),
  FOREIGN KEY (campaign_id, tenant_id) REFERENCES campaigns ON DELETE CASCADE
);
CALL protect('contacts', 'SELECT, INSERT, UPDATE');
-- A sendable number stands once in a campaign, whatever form it was written in.
CREATE UNIQUE INDEX contacts_once ON contacts (campaign_id, phone, tenant_id) WHERE body IS NOT NULL;
-- Who an answer, an opt-out or an erasure is about.
CREATE INDEX contacts_by_phone ON contacts (tenant_id, phone, campaign_id) WHERE body IS NOT NULL;

CREATE TABLE messages (
  tenant_id           bigint NOT NULL,
  campaign_id         bigint NOT NULL,
  position            int NOT NULL,
  status              text NOT NULL CHECK (status IN ('pending', 'leased', 'sending', 'sent', 'delivered',
                        'read', 'failed', 'in_doubt', 'cancelled', 'skipped')),
  reason              text,              -- code: why skipped, failed, in doubt or waiting
  detail              text,              -- the provider's words, bounded
  attempts            smallint NOT NULL DEFAULT 0,   -- calls begun; numbers the attempt rows
  failures            smallint NOT NULL DEFAULT 0,   -- calls that count against the retry budget
  due_at              timestamptz,
  slot_at             timestamptz,       -- earliest instant of the leased send
  lease_id            uuid,
  lease_until         timestamptz,
  instance_id         bigint,
  provider_id         text,              -- key.id
  remote_jid          text,
  sent_at             timestamptz,
  acked_at            timestamptz,
  delivered_at        timestamptz,
  read_at             timestamptz,
  replied_at          timestamptz,
  duplicate_suspected boolean NOT NULL DEFAULT false,
  PRIMARY KEY (campaign_id, position, tenant_id),
  FOREIGN KEY (campaign_id, position, tenant_id) REFERENCES contacts ON DELETE CASCADE
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
CALL protect('messages', 'SELECT, INSERT, UPDATE');
CREATE INDEX messages_due ON messages (campaign_id, due_at, position) WHERE status = 'pending';
CREATE INDEX messages_lapse ON messages (lease_until) WHERE status IN ('leased', 'sending');
CREATE INDEX messages_in_doubt ON messages (campaign_id, position) WHERE status = 'in_doubt';
-- Receipts and evidence name the provider's id; no message owns another's.
CREATE UNIQUE INDEX messages_by_provider_id ON messages (instance_id, provider_id) WHERE provider_id IS NOT NULL;
