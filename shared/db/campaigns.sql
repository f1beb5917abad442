-- find_campaign --
-- One campaign with its numbers, by either id.
SELECT k.campaign_id, k.public_id, k.user_id, k.name, k.status, k.priority, k.template, k.image_url,
       k.delay_min, k.delay_max, k.scheduled_at, k.started_at, k.finished_at, k.created_at,
       k.executor, k.reference, k.model, k.doubt_policy, k.doubt_after_hours,
       c.total, c.processed, c.skipped, c.sent, c.delivered, c.read, c.replied, c.failed, c.in_doubt,
       c.cancelled, c.attempts, c.seconds_sum, c.seconds_min, c.seconds_max, c.timings,
       c.gap_seconds,
       c.last_sent_at, c.seq, p.waiting_reason,
       coalesce(recent_rate(c.window_at, c.window_sent, c.window_before), 0) AS recent_per_second,
       eta_seconds(c.total - c.processed, c.gap_seconds,
                   recent_rate(c.window_at, c.window_sent, c.window_before)) AS eta_seconds,
       clock_timestamp() AS read_at
  FROM campaigns AS k
  JOIN campaign_counters AS c USING (tenant_id, campaign_id)
  LEFT JOIN campaign_pace AS p USING (tenant_id, campaign_id)
 WHERE k.tenant_id = %(tenant_id)s
   AND (k.campaign_id = %(campaign_id)s OR k.public_id = %(public_id)s OR k.reference = %(reference)s)
 ORDER BY k.reference IS NOT DISTINCT FROM %(reference)s  -- our own ids go before a caller's
 LIMIT 1;

-- list_campaigns --
-- Newest first, past a cursor.
SELECT k.campaign_id, k.public_id, k.user_id, k.name, k.status, k.priority, k.template, k.image_url,
       k.delay_min, k.delay_max, k.scheduled_at, k.started_at, k.finished_at, k.created_at,
       k.executor, k.reference, k.model, k.doubt_policy, k.doubt_after_hours,
       c.total, c.processed, c.skipped, c.sent, c.delivered, c.read, c.replied, c.failed, c.in_doubt,
       c.cancelled, c.attempts, c.seconds_sum, c.seconds_min, c.seconds_max, c.timings,
       c.gap_seconds,
       c.last_sent_at, c.seq, p.waiting_reason,
       coalesce(recent_rate(c.window_at, c.window_sent, c.window_before), 0) AS recent_per_second,
       eta_seconds(c.total - c.processed, c.gap_seconds,
                   recent_rate(c.window_at, c.window_sent, c.window_before)) AS eta_seconds,
       clock_timestamp() AS read_at
  FROM campaigns AS k
  JOIN campaign_counters AS c USING (tenant_id, campaign_id)
  LEFT JOIN campaign_pace AS p USING (tenant_id, campaign_id)
 WHERE k.tenant_id = %(tenant_id)s
   AND (%(before_id)s::bigint IS NULL OR k.campaign_id < %(before_id)s)
   AND (%(statuses)s::text[] IS NULL OR k.status = ANY(%(statuses)s::text[]))
   AND (%(pattern)s::text IS NULL OR k.name ILIKE %(pattern)s OR k.public_id ILIKE %(pattern)s)
 ORDER BY k.campaign_id DESC
 LIMIT %(limit)s;

-- errors --
-- Reasons of failing and skipping with their counts, most frequent first.
SELECT kind, code, count
  FROM campaign_errors
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND count > 0
 ORDER BY kind, count DESC, code;

-- instances --
SELECT i.instance_id, i.name, i.state, l.breaker_state, l.errors_in_a_row, l.times_opened, l.opened_at,
       l.open_until, l.rest_reason
  FROM campaign_instances AS ci
  JOIN instances AS i USING (tenant_id, instance_id)
  JOIN lanes AS l USING (tenant_id, instance_id)
 WHERE ci.tenant_id = %(tenant_id)s AND ci.campaign_id = %(campaign_id)s
 ORDER BY i.instance_id;

-- pause --
UPDATE campaigns
   SET status = 'paused'
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s
   AND status IN ('scheduled', 'pending', 'running')
RETURNING status;

-- pause_pace --
UPDATE campaign_pace
   SET waiting_reason = 'paused'
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s;

-- resume --
UPDATE campaigns
   SET status = CASE WHEN scheduled_at > now() AND started_at IS NULL THEN 'scheduled' ELSE 'pending' END,
       pause_reason = NULL, doubts_seen_at = now()
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND status = 'paused'
   AND pause_reason IS DISTINCT FROM 'restored'
RETURNING status;

-- resume_pace --
UPDATE campaign_pace AS p
   SET waiting_reason = CASE WHEN k.status = 'scheduled' THEN 'scheduled' END,
       next_due_at = CASE WHEN k.status = 'scheduled' THEN k.scheduled_at ELSE now() END
  FROM campaigns AS k
 WHERE p.tenant_id = %(tenant_id)s AND p.campaign_id = %(campaign_id)s
   AND k.tenant_id = p.tenant_id AND k.campaign_id = p.campaign_id;

-- cancel --
-- From here on nothing begins: beginning an attempt share-locks this row.
UPDATE campaigns
   SET status = 'cancelled'
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s
   AND status IN ('scheduled', 'pending', 'running', 'paused')
RETURNING status;

-- cancel_messages --
-- What has not begun is cancelled; what is sending ends by itself.
  WITH open AS MATERIALIZED (
        SELECT position
          FROM messages
         WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s
           AND status IN ('pending', 'leased')
         ORDER BY position
           FOR UPDATE),
       moved AS (
        UPDATE messages AS m
           SET status = 'cancelled', reason = NULL, due_at = NULL, slot_at = NULL, lease_id = NULL,
               lease_until = NULL
          FROM open
         WHERE m.tenant_id = %(tenant_id)s AND m.campaign_id = %(campaign_id)s
           AND m.position = open.position
     RETURNING 1)
SELECT count(*) FROM moved;

-- count_cancelled --
UPDATE campaign_counters
   SET cancelled = cancelled + %(count)s
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s
RETURNING processed = total;

-- finish_cancelled --
  WITH ended AS (
        UPDATE campaigns
           SET finished_at = now()
         WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND status = 'cancelled'
     RETURNING tenant_id, campaign_id)
DELETE FROM campaign_pace AS p
 USING ended AS e
 WHERE p.tenant_id = e.tenant_id AND p.campaign_id = e.campaign_id;
