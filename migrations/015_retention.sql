-- depends: 014_restores
-- What is old goes, a little at every look. Rows of these tables lie in the order they came, so an index
-- of a few pages (BRIN) finds the old ones and costs the hot statements nothing.
CREATE INDEX campaign_events_age ON campaign_events USING brin (created_at) WITH (autosummarize = on);
CREATE INDEX attempts_age ON attempts USING brin (started_at) WITH (autosummarize = on);
CREATE INDEX provider_inbox_age ON provider_inbox USING brin (received_at) WITH (autosummarize = on);
CREATE INDEX campaign_hours_age ON campaign_hours USING brin (hour) WITH (autosummarize = on);
CREATE INDEX refresh_tokens_age ON refresh_tokens (expires_at);
CREATE INDEX known_lids_age ON known_lids (seen_at);

-- People and texts of a campaign that ended long ago are erased, contact by contact; its numbers stay.
ALTER TABLE campaigns ADD COLUMN erased_at timestamptz;
CREATE INDEX campaigns_to_erase ON campaigns (finished_at) WHERE finished_at IS NOT NULL AND erased_at IS NULL;
