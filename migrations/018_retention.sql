-- depends: 013_observation
-- What is no longer needed goes: how far that has come, and the indexes it is found by.

ALTER TABLE campaigns
  ADD COLUMN retention_at   timestamptz NOT NULL DEFAULT '-infinity',  -- of an ended one: looked at next; infinity: nothing is left
  ADD COLUMN people_emptied int NOT NULL DEFAULT 0;                    -- positions below this one are emptied
CREATE INDEX campaigns_retention ON campaigns (retention_at, campaign_id)
 WHERE finished_at IS NOT NULL AND retention_at < 'infinity';

-- Emptied: neither name, phone, variables nor text. It is never sent again.
ALTER TABLE contacts ADD COLUMN emptied_at timestamptz;

CREATE INDEX provider_inbox_settled ON provider_inbox (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX refresh_tokens_age ON refresh_tokens (expires_at);
CREATE INDEX known_lids_age ON known_lids (seen_at);

-- People who asked for their data to go. The request knows the phone until it is done.
CREATE TABLE erasures (
  tenant_id    bigint NOT NULL REFERENCES tenants ON DELETE CASCADE,
  erasure_id   bigint GENERATED ALWAYS AS IDENTITY,
  phone        text,                            -- NULL: done
  requested_at timestamptz NOT NULL DEFAULT now(),
  look_at      timestamptz NOT NULL DEFAULT now(),
  done_at      timestamptz,
  contacts     int NOT NULL DEFAULT 0,          -- emptied so far
  PRIMARY KEY (tenant_id, erasure_id),
  CHECK ((phone IS NULL) = (done_at IS NOT NULL))
);
CALL protect('erasures', 'SELECT, INSERT');
CREATE INDEX erasures_open ON erasures (look_at) WHERE done_at IS NULL;

-- Skipped contacts have their phone as it was given: the last eight digits are in every form of it.
CREATE INDEX contacts_skipped_by_phone ON contacts (tenant_id, right(regexp_replace(phone, '\D', '', 'g'), 8))
 WHERE body IS NULL AND emptied_at IS NULL;
CREATE INDEX known_lids_by_phone ON known_lids (tenant_id, phone);
