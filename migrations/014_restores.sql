-- depends: 013_observation
-- A database that came out of a backup: what it does not know may have been sent since, so nothing
-- leaves before a person has looked at the evidence and said so.

-- One row per restore. Of the installation, not of a tenant: the API has no business with it.
CREATE TABLE restores (
  restore_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  taken_at    timestamptz NOT NULL,                -- what the rows say is true of this instant
  marked_at   timestamptz NOT NULL DEFAULT now(),  -- since then the old processes send nothing
  reviewed_at timestamptz,                         -- the provider was asked what went out since
  opened_at   timestamptz                          -- an operator lets campaigns start again
);
GRANT SELECT, INSERT, UPDATE ON restores TO rapidflow_engine;

-- The campaigns that were not over in the backup, and what they were. pause_reason is 'restored' until
-- somebody releases them.
CREATE TABLE restored_campaigns (
  tenant_id     bigint NOT NULL,
  campaign_id   bigint NOT NULL,
  restore_id    bigint NOT NULL REFERENCES restores,
  status_before text NOT NULL,
  pause_before  text,
  proven        int NOT NULL DEFAULT 0,   -- settled as sent by what the provider shows
  written_to    int NOT NULL DEFAULT 0,   -- not proven, but something else went to that person since
  released_at   timestamptz,
  PRIMARY KEY (campaign_id, tenant_id),
  FOREIGN KEY (campaign_id, tenant_id) REFERENCES campaigns ON DELETE CASCADE
);
CALL protect('restored_campaigns', 'SELECT');

GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO rapidflow_engine;
