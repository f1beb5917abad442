-- lock_campaign --
-- The status row first: everything that moves the campaign's messages follows it.
SELECT status FROM campaigns
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s
   FOR NO KEY UPDATE;

-- take_back --
-- failed or in doubt -> pending: the outcome is forgotten where it was counted. What was given up as
-- unknown may have been sent, so it must be named by its code. Locks: messages by position, counters,
-- hours, errors, usage, totals.
  WITH picked AS MATERIALIZED (
        SELECT m.tenant_id, m.campaign_id, m.position, m.status AS before, m.reason, m.attempts, m.decided_at,
               m.status = 'in_doubt' OR m.reason = 'outcome_unknown' AS perhaps_sent
          FROM messages AS m
         WHERE m.tenant_id = %(tenant_id)s AND m.campaign_id = %(campaign_id)s
           AND m.status = ANY(%(statuses)s::text[])
           AND CASE WHEN %(codes)s::text[] IS NOT NULL THEN m.reason = ANY(%(codes)s::text[])
                    ELSE m.status = 'in_doubt' OR m.reason IS DISTINCT FROM 'outcome_unknown' END
           AND (%(positions)s::int[] IS NULL OR m.position = ANY(%(positions)s::int[]))
           AND NOT EXISTS (SELECT FROM campaigns AS k  -- whose people are erased: nobody to write to
                            WHERE k.tenant_id = m.tenant_id AND k.campaign_id = m.campaign_id
                              AND k.erased_at IS NOT NULL)
           AND EXISTS (SELECT FROM contacts AS c  -- nor one person who was erased
                        WHERE c.tenant_id = m.tenant_id AND c.campaign_id = m.campaign_id
                          AND c.position = m.position AND c.body IS NOT NULL)
         ORDER BY m.position
           FOR UPDATE),
       moved AS (
        UPDATE messages AS m
           SET status = 'pending', reason = NULL, detail = NULL, failures = 0, due_at = clock_timestamp(),
               slot_at = NULL, decided_at = NULL,
               resent_at = CASE WHEN p.perhaps_sent THEN clock_timestamp() ELSE m.resent_at END
          FROM picked AS p
         WHERE m.tenant_id = p.tenant_id AND m.campaign_id = p.campaign_id AND m.position = p.position),
       cleared AS (
        DELETE FROM open_sends AS o USING picked AS p
         WHERE o.tenant_id = p.tenant_id AND o.campaign_id = p.campaign_id AND o.position = p.position),
       tally AS MATERIALIZED (
        SELECT count(*) FILTER (WHERE before = 'failed')::int AS failed,
               count(*) FILTER (WHERE before = 'in_doubt')::int AS in_doubt
          FROM picked),
       counted AS (
        UPDATE campaign_counters AS c
           SET failed = c.failed - t.failed, in_doubt = c.in_doubt - t.in_doubt
          FROM tally AS t
         WHERE c.tenant_id = %(tenant_id)s AND c.campaign_id = %(campaign_id)s AND t.failed + t.in_doubt > 0
     RETURNING c.tenant_id, t.failed, t.in_doubt,
               success_rate(c.sent, c.failed) AS rate, success_rate(c.sent, c.failed + t.failed) AS rate_before),
       outcome AS MATERIALIZED (
        SELECT p.tenant_id, p.campaign_id, p.reason, coalesce(p.decided_at, a.ended_at) AS ended_at
          FROM picked AS p
          LEFT JOIN attempts AS a ON a.tenant_id = p.tenant_id AND a.campaign_id = p.campaign_id
               AND a.position = p.position AND a.number = p.attempts
         WHERE p.before = 'failed'),
       hours AS (
        UPDATE campaign_hours AS h
           SET failed = greatest(h.failed - o.count, 0)
          FROM (SELECT date_trunc('hour', ended_at) AS hour, count(*) FROM outcome GROUP BY 1) AS o
         WHERE h.tenant_id = %(tenant_id)s AND h.campaign_id = %(campaign_id)s AND h.hour = o.hour),
       errors AS (
        UPDATE campaign_errors AS e
           SET count = e.count - o.count
          FROM (SELECT reason, count(*) FROM outcome GROUP BY 1) AS o
         WHERE e.tenant_id = %(tenant_id)s AND e.campaign_id = %(campaign_id)s AND e.kind = 'failed'
           AND e.code = o.reason),
       usage AS (
        UPDATE usage_daily AS u
           SET failed = greatest(u.failed - o.count, 0)
          FROM (SELECT (x.ended_at AT TIME ZONE t.time_zone)::date AS day, count(*)
                  FROM outcome AS x JOIN tenants AS t USING (tenant_id)
                 GROUP BY 1) AS o
         WHERE u.tenant_id = %(tenant_id)s AND u.day = o.day),
       totals AS (
        UPDATE tenant_totals AS x
           SET failed = x.failed - c.failed, in_doubt = x.in_doubt - c.in_doubt,
               rated = x.rated + (c.rate IS NOT NULL)::int - (c.rate_before IS NOT NULL)::int,
               rate_sum = x.rate_sum + coalesce(c.rate, 0) - coalesce(c.rate_before, 0)
          FROM counted AS c
         WHERE x.tenant_id = c.tenant_id)
SELECT failed + in_doubt FROM tally;

-- reopen --
-- An ended campaign goes back into the queue; one that is not over stays as it is.
UPDATE campaigns
   SET status = 'pending', finished_at = NULL, reopened = true
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND status IN ('completed', 'failed')
RETURNING status;

-- reopen_pace --
INSERT INTO campaign_pace (tenant_id, campaign_id)
VALUES (%(tenant_id)s, %(campaign_id)s)
    ON CONFLICT (campaign_id, tenant_id) DO UPDATE
   SET next_due_at = least(campaign_pace.next_due_at, now());

-- count_reopened --
UPDATE tenant_totals SET completed = completed - 1 WHERE tenant_id = %(tenant_id)s;

-- change --
-- Only what is named changes, and only before the end. A start that is put off, brought forward or made
-- now belongs to a campaign that has not started.
UPDATE campaigns AS c
   SET name = coalesce(%(name)s, name), priority = coalesce(%(priority)s, priority),
       delay_min = coalesce(%(delay_min)s, delay_min), delay_max = coalesce(%(delay_max)s, delay_max),
       scheduled_at = CASE WHEN %(starts_now)s THEN now() ELSE coalesce(%(scheduled_at)s, scheduled_at) END,
       status = CASE WHEN status = 'paused' THEN status
                     WHEN %(starts_now)s THEN 'pending'
                     WHEN %(scheduled_at)s::timestamptz IS NULL THEN status
                     WHEN %(scheduled_at)s > now() THEN 'scheduled'
                     ELSE 'pending' END
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s
   AND status IN ('scheduled', 'pending', 'running', 'paused')
   AND (started_at IS NULL OR (%(scheduled_at)s::timestamptz IS NULL AND NOT %(starts_now)s))
RETURNING status;

-- change_pace --
-- A shorter pause counts at once, from the last message on; a longer one from the next.
UPDATE campaign_pace AS p
   SET next_slot_at = CASE WHEN k.scheduled_at > now() AND k.started_at IS NULL THEN k.scheduled_at
                           ELSE least(p.next_slot_at,
                                      greatest(now(), coalesce(c.last_sent_at, now())
                                                      + make_interval(secs => %(gap_seconds)s))) END,
       next_due_at = CASE WHEN k.scheduled_at > now() AND k.started_at IS NULL THEN k.scheduled_at
                          ELSE least(p.next_due_at, now()) END
  FROM campaigns AS k
  JOIN campaign_counters AS c USING (tenant_id, campaign_id)
 WHERE p.tenant_id = %(tenant_id)s AND p.campaign_id = %(campaign_id)s
   AND k.tenant_id = p.tenant_id AND k.campaign_id = p.campaign_id;

-- change_gap --
UPDATE campaign_counters
   SET gap_seconds = %(gap_seconds)s
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s;

-- drop_instances --
DELETE FROM campaign_instances
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s;

-- name_instances --
INSERT INTO campaign_instances (tenant_id, campaign_id, instance_id)
SELECT %(tenant_id)s, %(campaign_id)s, unnest(%(instance_ids)s::bigint[]);

-- contacts --
-- Everything a list was made of, in its order, but for those who were erased.
SELECT c.position, c.name, c.phone, c.variables, m.status
  FROM contacts AS c
  JOIN messages AS m USING (tenant_id, campaign_id, position)
 WHERE c.tenant_id = %(tenant_id)s AND c.campaign_id = %(campaign_id)s AND (c.name, c.phone) <> ('', '')
   AND (%(statuses)s::text[] IS NULL OR m.status = ANY(%(statuses)s::text[]))
 ORDER BY c.position;
