-- depends: 006_model_texts
-- Where the workers that share a campaign agree on its ceiling. A campaign on one number is in one
-- worker at a time, which keeps its distances by itself; one on several numbers may be late in several
-- workers at once. The instant moves in the statement that begins attempts, so no worker and no death
-- of one can make two of them catch up side by side.

CREATE TABLE campaign_ceilings (
  tenant_id   bigint NOT NULL,
  campaign_id bigint NOT NULL,
  free_at     timestamptz NOT NULL DEFAULT '-infinity',  -- when the next attempt may begin
  PRIMARY KEY (campaign_id, tenant_id),
  FOREIGN KEY (campaign_id, tenant_id) REFERENCES campaigns ON DELETE CASCADE
) WITH (fillfactor = 50);
CALL protect('campaign_ceilings', 'SELECT');

INSERT INTO campaign_ceilings (tenant_id, campaign_id)
SELECT tenant_id, campaign_id
  FROM campaign_pace JOIN campaign_instances USING (tenant_id, campaign_id)
 GROUP BY tenant_id, campaign_id
HAVING count(*) > 1;
