-- depends: 005_campaign_life
-- Texts a language model writes, one contact at a time, before the first attempt.
--
-- A message that waits for its text is pending and due at infinity, so nothing that looks for due work
-- finds it. The rendered template stands in contacts.body from the start: it is what goes when the
-- model has nothing usable to say.

ALTER TABLE campaigns ADD COLUMN model text;  -- NULL: the template is the text

-- One row per sendable contact of such a campaign.
CREATE TABLE message_texts (
  tenant_id   bigint NOT NULL,
  campaign_id bigint NOT NULL,
  position    int NOT NULL,
  tries       smallint NOT NULL DEFAULT 0,   -- writers that took it
  lease_id    uuid,
  lease_until timestamptz,
  outcome     text,                          -- 'model', or why the template goes; NULL: not yet known
  tokens      int,
  PRIMARY KEY (campaign_id, position, tenant_id),
  FOREIGN KEY (campaign_id, position, tenant_id) REFERENCES contacts ON DELETE CASCADE
) WITH (fillfactor = 80);
CALL protect('message_texts', 'SELECT, INSERT, DELETE');
CREATE INDEX message_texts_waiting ON message_texts (campaign_id, position) WHERE outcome IS NULL;

-- Their numbers, and whose turn it is. Why templates went is counted in campaign_errors.
CREATE TABLE campaign_texts (
  tenant_id   bigint NOT NULL,
  campaign_id bigint NOT NULL,
  waiting     int NOT NULL,
  written     int NOT NULL DEFAULT 0,
  tokens      bigint NOT NULL DEFAULT 0,     -- spent, whatever became of the text
  served_at   timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (campaign_id, tenant_id),
  FOREIGN KEY (campaign_id, tenant_id) REFERENCES campaigns ON DELETE CASCADE,
  CHECK (waiting >= 0)
) WITH (fillfactor = 50);
CALL protect('campaign_texts', 'SELECT, INSERT, UPDATE');
CREATE INDEX campaign_texts_waiting ON campaign_texts (served_at, campaign_id) WHERE waiting > 0;

ALTER TABLE campaign_errors DROP CONSTRAINT campaign_errors_kind_check;
ALTER TABLE campaign_errors ADD CONSTRAINT campaign_errors_kind_check
  CHECK (kind IN ('failed', 'skipped', 'template'));
