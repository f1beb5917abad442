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
