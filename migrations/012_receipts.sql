-- depends: 011_conservation
-- What receipts prove and what they leave open.
ALTER TABLE messages ADD COLUMN refused_at timestamptz;  -- an ERROR came, though it may have been taken before

-- Handed to WhatsApp's socket, and nothing heard since.
CREATE INDEX messages_unconfirmed ON messages (instance_id, sent_at) WHERE status = 'sent' AND acked_at IS NULL;

-- Pairs of a hidden id and a phone that events told: an answer under the id alone finds its person.
CREATE TABLE known_lids (
  tenant_id bigint NOT NULL REFERENCES tenants ON DELETE CASCADE,
  lid       text NOT NULL,
  phone     text NOT NULL,
  seen_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, lid)
);
CALL protect('known_lids', 'SELECT, DELETE');

-- The newest connection events of an instance: a flood of them is told from a change.
CREATE INDEX provider_inbox_connections ON provider_inbox (tenant_id, instance_id, inbox_id)
 WHERE event = 'connection.update';
