-- insert_campaign --
INSERT INTO campaigns (tenant_id, public_id, user_id, name, status, priority, template, image_url,
                       delay_min, delay_max, scheduled_at, request_id, model, executor, reference,
                       doubt_policy, doubt_after_hours)
VALUES (%(tenant_id)s, %(public_id)s, %(user_id)s, %(name)s,
        CASE WHEN %(scheduled_at)s::timestamptz > now() THEN 'scheduled' ELSE 'pending' END,
        %(priority)s, %(template)s, %(image_url)s, %(delay_min)s, %(delay_max)s, %(scheduled_at)s,
        %(request_id)s, %(model)s, %(executor)s, %(reference)s, %(doubt_policy)s, %(doubt_after_hours)s)
RETURNING campaign_id, status, created_at;

-- temp_table --
-- COPY into a table with row-level security is refused, so rows come in through one without.
CREATE TEMP TABLE new_contacts (
  position int, name text, phone text, variables jsonb, body text, reason text
) ON COMMIT DROP;

-- copy --
COPY new_contacts (position, name, phone, variables, body, reason) FROM STDIN;

-- insert_contacts --
INSERT INTO contacts (tenant_id, campaign_id, position, name, phone, variables, body)
SELECT %(tenant_id)s, %(campaign_id)s, position, name, phone, variables, body
  FROM new_contacts;

-- insert_messages --
-- With a model, what waits for its text is due at infinity.
INSERT INTO messages (tenant_id, campaign_id, position, status, reason, due_at)
SELECT %(tenant_id)s, %(campaign_id)s, position,
       CASE WHEN reason IS NULL THEN 'pending' ELSE 'skipped' END, reason,
       CASE WHEN reason IS NOT NULL THEN NULL
            WHEN %(model)s::text IS NOT NULL THEN 'infinity'
            ELSE now() END  -- the campaign's status says when it may start
  FROM new_contacts;

-- insert_counters --
INSERT INTO campaign_counters (tenant_id, campaign_id, total, skipped, gap_seconds)
VALUES (%(tenant_id)s, %(campaign_id)s, %(total)s, %(skipped)s, %(gap_seconds)s);

-- insert_pace --
-- Nothing of ours ever becomes due in a campaign that somebody else sends.
INSERT INTO campaign_pace (tenant_id, campaign_id, next_due_at, next_slot_at, waiting_reason)
SELECT %(tenant_id)s, %(campaign_id)s, coalesce(%(scheduled_at)s::timestamptz, now()),
       coalesce(%(scheduled_at)s::timestamptz, now()), %(waiting_reason)s
 WHERE %(executor)s = 'engine';

-- insert_report --
INSERT INTO external_reports (tenant_id, campaign_id)
SELECT %(tenant_id)s, %(campaign_id)s
 WHERE %(executor)s = 'external';

-- insert_errors --
INSERT INTO campaign_errors (tenant_id, campaign_id, kind, code, count)
SELECT %(tenant_id)s, %(campaign_id)s, 'skipped', reason, count(*)
  FROM new_contacts
 WHERE reason IS NOT NULL
 GROUP BY reason;

-- insert_instances --
INSERT INTO campaign_instances (tenant_id, campaign_id, instance_id)
SELECT %(tenant_id)s, %(campaign_id)s, unnest(%(instance_ids)s::bigint[]);

-- count_campaign --
-- Totals are locked last; no one else can hold what this transaction still needs.
INSERT INTO tenant_totals AS x (tenant_id, campaigns)
VALUES (%(tenant_id)s, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET campaigns = x.campaigns + 1;

-- queue_position --
-- Campaigns of this user that start before this one; NULL while one of the running places is left for it.
SELECT CASE WHEN count(*) >= %(running_campaigns)s THEN count(*) - %(running_campaigns)s + 1 END
  FROM campaigns
 WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND executor = 'engine'
   AND campaign_id <> %(campaign_id)s
   AND (status = 'running' OR (status = 'pending' AND priority >= %(priority)s));
