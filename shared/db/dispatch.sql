-- assign_default_instance --
-- A campaign that names no instance uses its tenant's first connected one, once there is one.
INSERT INTO campaign_instances (tenant_id, campaign_id, instance_id)
SELECT c.tenant_id, c.campaign_id, i.instance_id
  FROM campaigns AS c
  JOIN LATERAL (SELECT instance_id FROM instances
                 WHERE tenant_id = c.tenant_id AND state = 'open' AND deleted_at IS NULL AND paused_at IS NULL
                 ORDER BY instance_id LIMIT 1) AS i ON true
 WHERE c.status IN ('pending', 'scheduled') AND c.executor = 'engine'
   AND NOT EXISTS (SELECT FROM campaign_instances AS x
                    WHERE x.tenant_id = c.tenant_id AND x.campaign_id = c.campaign_id)
    ON CONFLICT DO NOTHING;

-- lock_owners --
-- Owners of campaigns that wait for their start; one dispatcher at a time counts a user's running ones.
SELECT u.user_id
  FROM users AS u
 WHERE u.user_id IN (SELECT user_id FROM campaigns
                      WHERE executor = 'engine'
                        AND (status = 'pending' OR (status = 'scheduled' AND scheduled_at <= now())))
   FOR NO KEY UPDATE SKIP LOCKED;

-- start_campaigns --
-- pending -> running, by priority then age, as many as the plan lets each user run at once.
  WITH ready AS (
        SELECT c.tenant_id, c.campaign_id, c.delay_min, c.delay_max, c.reopened,
               row_number() OVER (PARTITION BY c.user_id ORDER BY c.priority DESC, c.campaign_id) AS place,
               p.running_campaigns - (SELECT count(*) FROM campaigns AS r
                                       WHERE r.user_id = c.user_id AND r.status = 'running'
                                         AND r.executor = 'engine') AS room,
               p.messages_per_second::double precision AS messages_per_second, p.burst_per_second
          FROM campaigns AS c
          JOIN plans AS p USING (tenant_id)
         WHERE c.user_id = ANY(%(user_ids)s) AND c.executor = 'engine'
           AND (c.status = 'pending' OR (c.status = 'scheduled' AND c.scheduled_at <= now()))
           AND NOT EXISTS (SELECT FROM restores WHERE opened_at IS NULL)
           AND EXISTS (SELECT FROM campaign_instances AS ci JOIN instances AS i USING (tenant_id, instance_id)
                        WHERE ci.tenant_id = c.tenant_id AND ci.campaign_id = c.campaign_id
                          AND i.state = 'open' AND i.deleted_at IS NULL AND i.paused_at IS NULL))
UPDATE campaigns AS c
   SET status = 'running', started_at = coalesce(c.started_at, clock_timestamp()), reopened = false
  FROM ready AS r
 WHERE c.tenant_id = r.tenant_id AND c.campaign_id = r.campaign_id AND r.place <= r.room
   AND c.status IN ('pending', 'scheduled')
RETURNING c.tenant_id, c.campaign_id, c.public_id, c.request_id, r.delay_min, r.delay_max,
          r.messages_per_second, r.burst_per_second, r.reopened;

-- prepare_started --
-- A started campaign has its pace and knows its expected gap; answers with what `campaign_started` says.
  WITH started AS (
        SELECT * FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(gaps)s::double precision[])
               AS s(tenant_id, campaign_id, gap_seconds)),
       paced AS (
        INSERT INTO campaign_pace (tenant_id, campaign_id)
        SELECT tenant_id, campaign_id FROM started ORDER BY campaign_id
            ON CONFLICT (campaign_id, tenant_id) DO UPDATE
           SET next_due_at = now(), next_slot_at = greatest(campaign_pace.next_slot_at, now()),
               waiting_reason = NULL),
       agreed AS (  -- on several numbers: perhaps in several workers at once
        INSERT INTO campaign_ceilings (tenant_id, campaign_id)
        SELECT s.tenant_id, s.campaign_id
          FROM started AS s JOIN campaign_instances USING (tenant_id, campaign_id)
         GROUP BY s.tenant_id, s.campaign_id
        HAVING count(*) > 1
         ORDER BY s.campaign_id
            ON CONFLICT DO NOTHING)
UPDATE campaign_counters AS c
   SET gap_seconds = s.gap_seconds
  FROM started AS s
 WHERE c.tenant_id = s.tenant_id AND c.campaign_id = s.campaign_id
RETURNING c.tenant_id, c.campaign_id, c.total, c.processed, c.skipped,
          coalesce((SELECT jsonb_object_agg(x.code, x.count)
                      FROM campaign_errors AS x
                     WHERE x.tenant_id = c.tenant_id AND x.campaign_id = c.campaign_id
                       AND x.kind = 'skipped'), '{}') AS reasons;

-- explain_waiting --
-- Why a campaign that is not running, or whose instances all rest, waits.
  WITH why AS (
        SELECT c.tenant_id, c.campaign_id,
               CASE WHEN c.status = 'paused' THEN coalesce(c.pause_reason, 'paused')
                    WHEN c.status = 'scheduled' AND c.scheduled_at > now() THEN 'scheduled'
                    WHEN NOT bool_or(i.instance_id IS NOT NULL) THEN 'no_instance'
                    WHEN NOT bool_or(i.state = 'open' AND i.deleted_at IS NULL) THEN 'instance_offline'
                    WHEN NOT bool_or(i.state = 'open' AND i.deleted_at IS NULL AND i.paused_at IS NULL)
                         THEN 'instance_paused'
                    WHEN c.status IN ('pending', 'scheduled')
                         AND EXISTS (SELECT FROM restores WHERE opened_at IS NULL) THEN 'restored'
                    WHEN c.status IN ('pending', 'scheduled') THEN 'user_campaign_limit'
                    WHEN bool_and(l.breaker_state = 'open' AND l.open_until > now()) THEN 'breaker_open'
                    WHEN EXISTS (SELECT FROM campaign_texts AS x
                                  WHERE x.campaign_id = c.campaign_id AND x.waiting > 0)
                         AND NOT EXISTS (SELECT FROM messages AS m
                                          WHERE m.campaign_id = c.campaign_id AND m.status = 'pending'
                                            AND m.due_at < 'infinity') THEN 'writing_text'
               END AS reason
          FROM campaign_pace AS p
          JOIN campaigns AS c USING (tenant_id, campaign_id)
          LEFT JOIN campaign_instances AS ci USING (tenant_id, campaign_id)
          LEFT JOIN instances AS i USING (tenant_id, instance_id)
          LEFT JOIN lanes AS l USING (tenant_id, instance_id)
         GROUP BY c.tenant_id, c.campaign_id),
       changed AS (
        SELECT p.tenant_id, p.campaign_id, w.reason
          FROM campaign_pace AS p JOIN why AS w USING (tenant_id, campaign_id)
         WHERE p.waiting_reason IS DISTINCT FROM w.reason
         ORDER BY p.campaign_id
           FOR UPDATE OF p SKIP LOCKED)
UPDATE campaign_pace AS p
   SET waiting_reason = c.reason
  FROM changed AS c
 WHERE p.tenant_id = c.tenant_id AND p.campaign_id = c.campaign_id;

-- lock_lanes --
-- Lanes that may take work: connected, not paused, in no unfinished batch, nothing in flight from a dead one,
-- breaker not resting, and some due campaign uses them. Those served longest ago come first.
SELECT l.tenant_id, l.instance_id, l.breaker_state
  FROM lanes AS l
  JOIN instances AS i USING (tenant_id, instance_id)
 WHERE i.state = 'open' AND i.deleted_at IS NULL AND i.paused_at IS NULL
   AND (l.lease_id IS NULL OR l.lease_until < clock_timestamp())
   AND (l.breaker_state <> 'open'
        OR (l.open_until <= clock_timestamp() AND i.checked_at >= l.open_until))  -- Evolution was asked first
   AND NOT EXISTS (SELECT FROM open_sends AS o WHERE o.instance_id = l.instance_id AND NOT o.in_doubt)
   AND EXISTS (SELECT FROM campaign_instances AS ci
                 JOIN campaign_pace AS p USING (tenant_id, campaign_id)
                 JOIN campaigns AS c USING (tenant_id, campaign_id)
                WHERE ci.instance_id = l.instance_id AND p.next_due_at <= clock_timestamp()
                  AND c.status = 'running')
 ORDER BY l.served_at, l.instance_id
 LIMIT %(limit)s
   FOR UPDATE OF l SKIP LOCKED;

-- lock_due_campaigns --
-- Running campaigns with something to do on these lanes, longest unserved first.
SELECT p.tenant_id, p.campaign_id,
       greatest(extract(epoch FROM p.next_slot_at - clock_timestamp()), 0)::double precision AS first_slot,
       c.delay_min, c.delay_max, l.messages_per_second::double precision AS messages_per_second,
       l.burst_per_second,
       (SELECT array_agg(ci.instance_id ORDER BY array_position(%(instance_ids)s::bigint[], ci.instance_id))
          FROM campaign_instances AS ci
         WHERE ci.tenant_id = p.tenant_id AND ci.campaign_id = p.campaign_id
           AND ci.instance_id = ANY(%(instance_ids)s::bigint[])) AS lanes
  FROM campaign_pace AS p
  JOIN campaigns AS c USING (tenant_id, campaign_id)
  JOIN plans AS l USING (tenant_id)
 WHERE c.status = 'running' AND p.next_due_at <= clock_timestamp()
   AND EXISTS (SELECT FROM campaign_instances AS ci
                WHERE ci.tenant_id = p.tenant_id AND ci.campaign_id = p.campaign_id
                  AND ci.instance_id = ANY(%(instance_ids)s))
 ORDER BY p.served_at, p.campaign_id
 LIMIT %(limit)s
   FOR UPDATE OF p SKIP LOCKED;

-- claim --
-- pending -> leased: the first due messages of each campaign, one per slot. Rows another transaction
-- holds are skipped, not waited for.
  WITH slot AS MATERIALIZED (
        SELECT * FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(ranks)s::int[],
                             %(instance_ids)s::bigint[], %(lease_ids)s::uuid[], %(waits)s::double precision[])
               AS s(tenant_id, campaign_id, rank, instance_id, lease_id, wait_seconds)),
       quota AS (  -- a campaign's slots as arrays, so that a message finds its own by rank
        SELECT tenant_id, campaign_id, count(*) AS room, array_agg(instance_id ORDER BY rank) AS instances,
               array_agg(lease_id ORDER BY rank) AS leases, array_agg(wait_seconds ORDER BY rank) AS waits
          FROM slot GROUP BY tenant_id, campaign_id),
       picked AS MATERIALIZED (
        SELECT q.tenant_id, q.campaign_id, m.position, m.due_at, m.rank, q.instances[m.rank] AS instance_id,
               q.leases[m.rank] AS lease_id, q.waits[m.rank] AS wait_seconds
          FROM quota AS q
         CROSS JOIN LATERAL (
               SELECT position, due_at, row_number() OVER (ORDER BY due_at, position) AS rank
                 FROM (SELECT position, due_at FROM messages
                        WHERE campaign_id = q.campaign_id AND status = 'pending'
                          AND due_at <= clock_timestamp() + make_interval(secs => %(lookahead_seconds)s)
                        ORDER BY due_at, position
                        LIMIT q.room
                          FOR UPDATE SKIP LOCKED) AS free) AS m)
UPDATE messages AS m
   SET status = 'leased', lease_id = p.lease_id, instance_id = p.instance_id, reason = NULL,
       lease_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s),
       slot_at = greatest(clock_timestamp() + make_interval(secs => p.wait_seconds), p.due_at)
  FROM picked AS p
 WHERE m.tenant_id = p.tenant_id AND m.campaign_id = p.campaign_id AND m.position = p.position
RETURNING m.tenant_id, m.campaign_id, m.position, m.instance_id, m.lease_id, p.rank;

-- advance_pace --
-- Next free slot of each campaign looked at, and when to look again.
UPDATE campaign_pace AS p
   SET next_slot_at = CASE WHEN n.slot_seconds IS NULL THEN p.next_slot_at
                           ELSE clock_timestamp() + make_interval(secs => n.slot_seconds) END,
       next_due_at = clock_timestamp() + make_interval(secs => n.due_seconds),
       served_at = clock_timestamp()
  FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(slots)s::double precision[],
              %(dues)s::double precision[]) AS n(tenant_id, campaign_id, slot_seconds, due_seconds)
 WHERE p.tenant_id = n.tenant_id AND p.campaign_id = n.campaign_id;

-- take_lanes --
UPDATE lanes AS l
   SET lease_id = t.lease_id, lease_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s),
       loaded_at = NULL, served_at = clock_timestamp(),
       breaker_state = CASE WHEN l.breaker_state = 'open' THEN 'half-open' ELSE l.breaker_state END
  FROM unnest(%(instance_ids)s::bigint[], %(lease_ids)s::uuid[]) AS t(instance_id, lease_id)
 WHERE l.instance_id = t.instance_id;

-- load_lanes --
-- What a worker needs to know of the lanes of its batch. Loading is a claim: a batch that is delivered
-- twice, even at the same moment, is loaded once.
  WITH mine AS (
        UPDATE lanes AS l
           SET loaded_at = clock_timestamp()
          FROM (SELECT instance_id FROM lanes
                 WHERE instance_id = ANY(%(instance_ids)s) AND lease_id = %(lease_id)s AND loaded_at IS NULL
                 ORDER BY instance_id
                   FOR UPDATE) AS free
         WHERE l.instance_id = free.instance_id
     RETURNING l.*)
SELECT l.tenant_id, l.instance_id, i.public_id, i.name, i.token, l.breaker_state, l.errors_in_a_row,
       l.times_opened, p.in_flight_per_instance
  FROM mine AS l
  JOIN instances AS i USING (tenant_id, instance_id)
  JOIN plans AS p USING (tenant_id);

-- untaken --
-- A batch that was given out some time ago, still leased, and loaded by nobody.
SELECT EXISTS (SELECT FROM lanes
                WHERE lease_id IS NOT NULL AND loaded_at IS NULL AND lease_until > clock_timestamp()
                  AND served_at < clock_timestamp() - make_interval(secs => %(for_seconds)s));

-- keep_lanes --
-- The worker is still busy with these.
UPDATE lanes AS l
   SET lease_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
  FROM unnest(%(instance_ids)s::bigint[], %(lease_ids)s::uuid[]) AS k(instance_id, lease_id)
 WHERE l.instance_id = k.instance_id AND l.lease_id = k.lease_id;

-- free_lanes --
-- The batch is through with these lanes; their breakers are kept for whoever serves them next. One that
-- was opened from outside meanwhile stays open. Answers with those that opened or closed by this.
  WITH given AS (
        SELECT * FROM unnest(%(instance_ids)s::bigint[], %(lease_ids)s::uuid[], %(states)s::text[],
                             %(errors)s::int[], %(opened)s::int[], %(rests)s::double precision[],
                             %(reasons)s::text[])
               AS f(instance_id, lease_id, state, errors, opened, rest_seconds, reason)),
       held AS MATERIALIZED (
        SELECT l.tenant_id, l.instance_id, l.breaker_state, l.times_opened
          FROM lanes AS l JOIN given AS f ON f.instance_id = l.instance_id AND f.lease_id = l.lease_id
         ORDER BY l.instance_id
           FOR UPDATE OF l),
       kept AS (
        UPDATE lanes AS l
           SET lease_id = NULL, lease_until = NULL, loaded_at = NULL
          FROM held AS h
         WHERE l.instance_id = h.instance_id AND h.breaker_state = 'open'),
       freed AS (
        UPDATE lanes AS l
           SET lease_id = NULL, lease_until = NULL, loaded_at = NULL, breaker_state = f.state,
               errors_in_a_row = f.errors, times_opened = f.opened,
               rest_reason = CASE WHEN f.state = 'open' THEN coalesce(f.reason, l.rest_reason) END,
               opened_at = CASE WHEN f.state <> 'open' THEN NULL
                                WHEN f.opened > h.times_opened THEN clock_timestamp()
                                ELSE l.opened_at END,
               open_until = CASE WHEN f.state = 'open'
                                 THEN clock_timestamp() + make_interval(secs => f.rest_seconds) END
          FROM held AS h JOIN given AS f USING (instance_id)
         WHERE l.instance_id = h.instance_id AND h.breaker_state <> 'open'
     RETURNING l.tenant_id, l.instance_id, h.breaker_state AS before, l.breaker_state AS state,
               l.rest_reason AS reason, l.open_until, l.errors_in_a_row, f.opened > h.times_opened AS opened)
SELECT f.tenant_id, f.instance_id, i.name, f.state, f.reason, f.open_until, f.errors_in_a_row
  FROM freed AS f JOIN instances AS i USING (tenant_id, instance_id)
 WHERE (f.state = 'open' AND f.opened) OR (f.state = 'closed' AND f.before <> 'closed');

-- delay_pace --
-- A campaign whose sends ran late: its next slot keeps the distance to the last one really sent.
UPDATE campaign_pace AS p
   SET next_slot_at = greatest(p.next_slot_at, clock_timestamp() + make_interval(secs => d.seconds))
  FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(seconds)s::double precision[])
       AS d(tenant_id, campaign_id, seconds)
 WHERE p.tenant_id = d.tenant_id AND p.campaign_id = d.campaign_id;

-- list_over --
-- Live campaigns with nothing open any more, whatever their status: their end was not told yet.
SELECT p.tenant_id, p.campaign_id
  FROM campaign_pace AS p
  JOIN campaign_counters AS k USING (campaign_id, tenant_id)
 WHERE k.processed = k.total
 ORDER BY p.campaign_id
 LIMIT %(limit)s;
