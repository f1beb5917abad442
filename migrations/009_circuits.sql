-- depends: 008_idempotency_claims
-- Breakers that tell: since when one is open, and how many sends in a row WhatsApp itself refused.
-- People whose number only a LID tells.
ALTER TABLE lanes
  ADD COLUMN opened_at  timestamptz,
  ADD COLUMN ack_errors int NOT NULL DEFAULT 0;

-- WhatsApp may know a person by a LID only: where we have seen the pair, an answer finds its person.
CREATE INDEX messages_by_lid ON messages (instance_id, remote_jid) WHERE remote_jid LIKE '%@lid';
