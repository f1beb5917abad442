-- depends: 014_restores
-- What is old goes, a little at every look, found by its age. An index of page ranges (BRIN) would be smaller,
-- but deleted rows' pages are used again, and then it finds the whole table; new rows cost a B-tree's last
-- leaf next to nothing.
CREATE INDEX campaign_events_age ON campaign_events (created_at);
CREATE INDEX attempts_age ON attempts (started_at);
CREATE INDEX provider_inbox_age ON provider_inbox (received_at);
CREATE INDEX campaign_hours_age ON campaign_hours (hour);
CREATE INDEX refresh_tokens_age ON refresh_tokens (expires_at);
CREATE INDEX known_lids_age ON known_lids (seen_at);

-- People and texts of a campaign that ended long ago are erased, contact by contact; its numbers stay.
ALTER TABLE campaigns ADD COLUMN erased_at timestamptz;
CREATE INDEX campaigns_to_erase ON campaigns (finished_at) WHERE finished_at IS NOT NULL AND erased_at IS NULL;
