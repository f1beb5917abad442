-- load_leased --
-- The leased messages of a batch with all a send needs, in sending order. Lapsed ones are left out.
SELECT m.tenant_id, m.campaign_id, m.position, m.instance_id, m.attempts, m.failures,
       extract(epoch FROM m.slot_at - clock_timestamp())::double precision AS slot_in_seconds,
       extract(epoch FROM m.lease_until - clock_timestamp())::double precision AS lease_seconds,
       c.name, c.phone, c.body, k.image_url, k.public_id, k.user_id, k.request_id,
       p.messages_per_second::double precision AS messages_per_second, p.burst_per_second,
       EXISTS (SELECT FROM campaign_ceilings AS l
                WHERE l.campaign_id = m.campaign_id AND l.tenant_id = m.tenant_id) AS shared_pace
  FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(positions)s::int[])
       WITH ORDINALITY AS want(tenant_id, campaign_id, position, ordinal)
 CROSS JOIN LATERAL (  -- by key, never by the index of all leases; OFFSET 0 keeps it so
       SELECT * FROM messages
        WHERE campaign_id = want.campaign_id AND position = want.position
          AND tenant_id = want.tenant_id
       OFFSET 0) AS m
  JOIN contacts AS c ON c.campaign_id = m.campaign_id AND c.position = m.position
       AND c.tenant_id = m.tenant_id
  JOIN campaigns AS k ON k.campaign_id = m.campaign_id AND k.tenant_id = m.tenant_id
  JOIN plans AS p ON p.tenant_id = m.tenant_id
 WHERE m.status = 'leased' AND m.lease_id = %(lease_id)s AND m.lease_until > clock_timestamp()
 ORDER BY m.slot_at, want.ordinal;

-- begin_attempts --
-- leased -> sending, for those that may go out now; commit before the first byte leaves. The status
-- row of the campaign is share-locked, so nothing begins after a pause or cancel has answered. A
-- recipient with an unresolved send on this instance holds back its one message, never the batch.
-- Workers that share a campaign (`gaps`, else NULL) begin no more of it than its ceiling has room for.
  WITH want AS MATERIALIZED (
        SELECT * FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(positions)s::int[],
                             %(lease_ids)s::uuid[], %(instance_ids)s::bigint[], %(phones)s::text[],
                             %(phone_hashes)s::bytea[], %(gaps)s::double precision[],
                             %(tolerances)s::double precision[])
               AS w(tenant_id, campaign_id, position, lease_id, instance_id, phone, phone_hash, gap_seconds,
                    tolerance_seconds)),
       campaign AS MATERIALIZED (
        SELECT k.tenant_id, k.campaign_id, k.status
          FROM campaigns AS k
         WHERE (k.tenant_id, k.campaign_id) IN (SELECT tenant_id, campaign_id FROM want)
         ORDER BY k.campaign_id
           FOR SHARE),
       ceiling AS MATERIALIZED (
        SELECT l.tenant_id, l.campaign_id, greatest(l.free_at, clock_timestamp()) AS free_at
          FROM campaign_ceilings AS l
         WHERE (l.tenant_id, l.campaign_id) IN
               (SELECT tenant_id, campaign_id FROM want WHERE gap_seconds IS NOT NULL)
         ORDER BY l.campaign_id
           FOR NO KEY UPDATE),
       mine AS MATERIALIZED (  -- by key, in key order; OFFSET 0 keeps it from the index of all leases
        SELECT w.tenant_id, w.campaign_id, w.position, m.attempts + 1 AS attempt, w.instance_id, w.phone,
               w.gap_seconds, w.tolerance_seconds
          FROM (SELECT * FROM want
                 WHERE campaign_id = ANY (ARRAY(SELECT campaign_id FROM campaign WHERE status = 'running'))
                 ORDER BY campaign_id, position) AS w
         CROSS JOIN LATERAL (
               SELECT status, lease_id, lease_until, attempts FROM messages
                WHERE campaign_id = w.campaign_id AND position = w.position AND tenant_id = w.tenant_id
               OFFSET 0
                  FOR UPDATE) AS m
         WHERE m.status = 'leased' AND m.lease_id = w.lease_id AND m.lease_until > clock_timestamp()
           AND NOT EXISTS (SELECT FROM suppressions AS s
                            WHERE s.tenant_id = w.tenant_id AND s.phone = w.phone)
           AND NOT EXISTS (SELECT FROM suppressions AS s
                            WHERE s.tenant_id = w.tenant_id AND s.phone_hash = w.phone_hash)),
       placed AS (
        SELECT n.*, l.free_at, row_number() OVER (PARTITION BY n.campaign_id ORDER BY n.position) - 1 AS place
          FROM mine AS n
          LEFT JOIN ceiling AS l ON l.tenant_id = n.tenant_id AND l.campaign_id = n.campaign_id),
       opened AS (
        INSERT INTO open_sends (tenant_id, instance_id, phone, campaign_id, position, attempt)
        SELECT tenant_id, instance_id, phone, campaign_id, position, attempt
          FROM placed
         WHERE gap_seconds IS NULL OR free_at IS NULL
            OR free_at + make_interval(secs => place * gap_seconds - tolerance_seconds) <= clock_timestamp()
            ON CONFLICT DO NOTHING
     RETURNING tenant_id, campaign_id, position),
       advanced AS (
        UPDATE campaign_ceilings AS l
           SET free_at = c.free_at + make_interval(secs => o.used_seconds)
          FROM ceiling AS c
          JOIN (SELECT n.tenant_id, n.campaign_id, sum(n.gap_seconds) AS used_seconds
                  FROM (SELECT * FROM mine WHERE gap_seconds IS NOT NULL OFFSET 0) AS n
                 CROSS JOIN LATERAL (SELECT FROM opened
                                      WHERE tenant_id = n.tenant_id AND campaign_id = n.campaign_id
                                        AND position = n.position
                                     OFFSET 0) AS o
                 GROUP BY n.tenant_id, n.campaign_id) AS o USING (tenant_id, campaign_id)
         WHERE l.tenant_id = c.tenant_id AND l.campaign_id = c.campaign_id),
       begun AS (
        UPDATE messages AS m
           SET status = 'sending', attempts = m.attempts + 1,
               lease_until = clock_timestamp() + make_interval(secs => %(open_seconds)s)
          FROM opened AS o
         WHERE m.tenant_id = o.tenant_id AND m.campaign_id = o.campaign_id AND m.position = o.position
     RETURNING m.tenant_id, m.campaign_id, m.position, m.attempts, m.instance_id, m.lease_id),
       logged AS (
        INSERT INTO attempts (tenant_id, campaign_id, position, number, instance_id, lease_id)
        SELECT tenant_id, campaign_id, position, attempts, instance_id, lease_id FROM begun)
SELECT campaign_id, position, attempts FROM begun;

-- push_ceiling --
-- A begun message reaches the provider later than it was counted: it is counted once more, from now.
UPDATE campaign_ceilings
   SET free_at = greatest(free_at, clock_timestamp()) + make_interval(secs => %(gap_seconds)s)
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s;

-- held_back --
-- Why leased messages did not begin.
SELECT w.campaign_id, w.position,
       CASE WHEN m.status IS DISTINCT FROM 'leased' OR m.lease_id IS DISTINCT FROM w.lease_id
                 OR m.lease_until <= clock_timestamp() THEN 'lease_lost'
            WHEN k.status <> 'running' THEN k.status
            WHEN EXISTS (SELECT FROM suppressions AS s
                          WHERE s.tenant_id = w.tenant_id
                            AND (s.phone = w.phone OR s.phone_hash = w.phone_hash)) THEN 'suppressed'
            WHEN w.gap_seconds IS NOT NULL
                 AND NOT EXISTS (SELECT FROM open_sends AS o
                                  WHERE o.tenant_id = w.tenant_id AND o.instance_id = w.instance_id
                                    AND o.phone = w.phone) THEN 'too_soon'
            ELSE 'open_send' END AS reason
  FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(positions)s::int[],
              %(lease_ids)s::uuid[], %(instance_ids)s::bigint[], %(phones)s::text[],
              %(phone_hashes)s::bytea[], %(gaps)s::double precision[])
       AS w(tenant_id, campaign_id, position, lease_id, instance_id, phone, phone_hash, gap_seconds)
  JOIN campaigns AS k USING (tenant_id, campaign_id)
  LEFT JOIN messages AS m USING (tenant_id, campaign_id, position);

-- release --
-- leased -> pending: what was not begun goes back, its attempts intact.
UPDATE messages AS m
   SET status = 'pending', lease_id = NULL, lease_until = NULL, slot_at = NULL, reason = b.reason,
       due_at = clock_timestamp() + make_interval(secs => b.wait_seconds)
  FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(positions)s::int[],
              %(lease_ids)s::uuid[], %(reasons)s::text[], %(waits)s::double precision[])
       AS b(tenant_id, campaign_id, position, lease_id, reason, wait_seconds)
 WHERE m.tenant_id = b.tenant_id AND m.campaign_id = b.campaign_id AND m.position = b.position
   AND m.status = 'leased' AND m.lease_id = b.lease_id;

-- record_verdicts --
-- Settle attempts: message, attempt, open send, counters, event numbers, rollups and events move in
-- this one statement. Locks, always in this order: campaigns (shared, only where something goes back
-- to the queue), messages, counters by campaign, usage and totals by tenant.
  WITH verdict AS MATERIALIZED (
        SELECT * FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(positions)s::int[],
                             %(lease_ids)s::uuid[], %(attempts)s::int[], %(kinds)s::text[],
                             %(codes)s::text[], %(words)s::text[], %(details)s::text[],
                             %(http_statuses)s::int[], %(provider_ids)s::text[], %(jids)s::text[],
                             %(waits)s::double precision[], %(durations)s::double precision[],
                             %(duplicates)s::boolean[])
               WITH ORDINALITY AS v(tenant_id, campaign_id, position, lease_id, attempt, kind, code, words,
                                    detail, http_status, provider_id, remote_jid, wait_seconds,
                                    duration_seconds, duplicate, ordinal)),
       ended AS MATERIALIZED (
        SELECT k.tenant_id, k.campaign_id, k.status
          FROM campaigns AS k
         WHERE (k.tenant_id, k.campaign_id) IN
               (SELECT tenant_id, campaign_id FROM verdict WHERE kind IN ('retry', 'rest'))
         ORDER BY k.campaign_id
           FOR SHARE),
       mine AS MATERIALIZED (
        SELECT v.*, m.status AS before, m.instance_id,
               CASE WHEN %(decided)s::boolean THEN '{"decided": true}'::jsonb ELSE '{}' END AS decision,
               v.kind = 'sent' AND m.status = 'sending' AND m.instance_id IS NOT NULL AS timed,
               CASE v.kind WHEN 'sent' THEN 'sent'
                           WHEN 'failed' THEN 'failed'
                           WHEN 'given_up' THEN 'failed'
                           WHEN 'unknown' THEN 'in_doubt'
                           WHEN 'suppressed' THEN 'skipped'
                           ELSE CASE WHEN e.status = 'cancelled' THEN 'cancelled' ELSE 'pending' END
               END AS after
          FROM verdict AS v
          JOIN messages AS m ON m.tenant_id = v.tenant_id AND m.campaign_id = v.campaign_id
               AND m.position = v.position
          LEFT JOIN ended AS e ON e.tenant_id = v.tenant_id AND e.campaign_id = v.campaign_id
         WHERE CASE m.status WHEN 'sending' THEN m.lease_id = v.lease_id AND m.attempts = v.attempt
                                                 AND v.kind <> 'suppressed'
                             WHEN 'leased' THEN m.lease_id = v.lease_id AND v.kind = 'suppressed'
                             WHEN 'in_doubt' THEN m.attempts = v.attempt AND v.kind IN ('sent', 'given_up')
                             ELSE false END
         ORDER BY m.campaign_id, m.position
           FOR UPDATE OF m),
       settled AS (
        UPDATE messages AS m
           SET status = n.after,
               reason = CASE WHEN n.after = 'sent' THEN NULL ELSE n.code END,
               detail = n.detail,
               failures = m.failures + CASE WHEN n.kind = 'retry' THEN 1 ELSE 0 END,
               due_at = clock_timestamp() + make_interval(secs => n.wait_seconds),
               lease_id = NULL, lease_until = NULL,
               provider_id = coalesce(n.provider_id, m.provider_id),
               remote_jid = coalesce(n.remote_jid, m.remote_jid),
               sent_at = CASE WHEN n.after = 'sent' THEN clock_timestamp() END,
               decided_at = CASE WHEN %(decided)s::boolean THEN now() END,
               duplicate_suspected = m.duplicate_suspected OR coalesce(n.duplicate, false)
          FROM mine AS n
         WHERE m.tenant_id = n.tenant_id AND m.campaign_id = n.campaign_id AND m.position = n.position
     RETURNING m.tenant_id, m.campaign_id, m.position),
       closed AS (
        UPDATE attempts AS a
           SET ended_at = now(), verdict = n.kind, code = n.code, detail = n.detail,
               http_status = n.http_status, provider_id = n.provider_id
          FROM mine AS n
         WHERE a.tenant_id = n.tenant_id AND a.campaign_id = n.campaign_id AND a.position = n.position
           AND a.number = n.attempt AND a.ended_at IS NULL),
       cleared AS (
        DELETE FROM open_sends AS o USING mine AS n
         WHERE o.tenant_id = n.tenant_id AND o.campaign_id = n.campaign_id AND o.position = n.position
           AND n.after <> 'in_doubt'),
       doubted AS (
        UPDATE open_sends AS o
           SET in_doubt = true,
               next_look_at = greatest(o.started_at + make_interval(secs => %(quiet_seconds)s), clock_timestamp())
          FROM mine AS n
         WHERE o.tenant_id = n.tenant_id AND o.campaign_id = n.campaign_id AND o.position = n.position
           AND n.after = 'in_doubt'),
       tally AS MATERIALIZED (
        SELECT tenant_id, campaign_id, count(*) FILTER (WHERE before = 'sending')::int AS tried,
               count(*) FILTER (WHERE after = 'sent')::int AS sent,
               count(*) FILTER (WHERE after = 'failed')::int AS failed,
               count(*) FILTER (WHERE after = 'skipped')::int AS skipped,
               count(*) FILTER (WHERE after = 'cancelled')::int AS cancelled,
               (count(*) FILTER (WHERE after = 'in_doubt')
                - count(*) FILTER (WHERE before = 'in_doubt'))::int AS in_doubt,
               count(*) FILTER (WHERE after <> 'pending' AND before <> 'in_doubt')::int AS done,
               count(*) FILTER (WHERE before = 'in_doubt')::int AS late,
               count(*) FILTER (WHERE after NOT IN ('skipped', 'cancelled'))::int AS told,
               sum(duration_seconds) FILTER (WHERE timed) AS seconds_sum,
               min(duration_seconds) FILTER (WHERE timed) AS seconds_min,
               max(duration_seconds) FILTER (WHERE timed) AS seconds_max,
               timing_counts(duration_seconds) FILTER (WHERE timed) AS timings,
               jsonb_agg(
                 CASE after
                 WHEN 'sent' THEN
                   CASE WHEN before = 'in_doubt' THEN '{"late": true}'::jsonb ELSE '{}' END || decision
                   || jsonb_build_object('event', 'message_sent', 'position', position)
                 WHEN 'in_doubt' THEN
                   jsonb_build_object('event', 'message_in_doubt', 'position', position, 'attempt', attempt,
                                      'error', words, 'errorCode', code)
                 ELSE
                   jsonb_build_object('event', 'message_error', 'position', position, 'attempt', attempt,
                                      'error', words, 'errorCode', code, 'willRetry', after = 'pending')
                   || CASE WHEN after = 'pending'
                           THEN jsonb_build_object('retryInSeconds', round(wait_seconds::numeric, 1))
                           ELSE '{}' END
                   || decision
                 END ORDER BY ordinal) FILTER (WHERE after NOT IN ('skipped', 'cancelled')) AS events
          FROM mine
         GROUP BY tenant_id, campaign_id),
       locked AS MATERIALIZED (  -- the tally, each campaign's counters locked in its order
        SELECT t.*
          FROM (SELECT * FROM tally ORDER BY campaign_id) AS t
         CROSS JOIN LATERAL (
               SELECT FROM campaign_counters
                WHERE campaign_id = t.campaign_id AND tenant_id = t.tenant_id
               OFFSET 0
                  FOR UPDATE) AS c),
       counted AS (
        UPDATE campaign_counters AS c
           SET sent = c.sent + t.sent, failed = c.failed + t.failed, skipped = c.skipped + t.skipped,
               cancelled = c.cancelled + t.cancelled, in_doubt = c.in_doubt + t.in_doubt,
               attempts = c.attempts + t.tried,
               seconds_sum = c.seconds_sum + coalesce(t.seconds_sum, 0),
               seconds_min = least(c.seconds_min, t.seconds_min),
               seconds_max = greatest(c.seconds_max, t.seconds_max),
               timings = CASE WHEN t.seconds_sum IS NULL THEN c.timings ELSE add_counts(c.timings, t.timings) END,
               last_sent_at = CASE WHEN t.sent > 0 THEN clock_timestamp() ELSE c.last_sent_at END,
               window_at = CASE WHEN t.sent = 0 THEN c.window_at
                                WHEN c.window_at IS NULL OR c.window_at <= now() - interval '120 s' THEN now()
                                WHEN c.window_at <= now() - interval '60 s' THEN c.window_at + interval '60 s'
                                ELSE c.window_at END,
               window_sent = CASE WHEN t.sent = 0 THEN c.window_sent
                                  WHEN c.window_at IS NULL OR c.window_at <= now() - interval '60 s' THEN t.sent
                                  ELSE c.window_sent + t.sent END,
               window_before = CASE WHEN t.sent = 0 THEN c.window_before
                                    WHEN c.window_at IS NULL OR c.window_at <= now() - interval '120 s' THEN 0
                                    WHEN c.window_at <= now() - interval '60 s' THEN c.window_sent
                                    ELSE c.window_before END,
               seq = c.seq + t.told
                     + CASE WHEN t.late > 0 OR (c.processed + t.done) / 5 > c.processed / 5
                                 OR (t.done > 0 AND c.processed + t.done = c.total) THEN 1 ELSE 0 END
          FROM locked AS t
         WHERE c.tenant_id = t.tenant_id AND c.campaign_id = t.campaign_id
     RETURNING c.tenant_id, c.campaign_id, c.total, c.processed, c.sent, c.failed, c.in_doubt, c.skipped,
               c.seq, t.events, t.done AS now_done, t.sent AS now_sent, t.failed AS now_failed, t.in_doubt AS now_in_doubt,
               t.seconds_sum AS now_seconds,
               success_rate(c.sent, c.failed) AS rate,
               success_rate(c.sent - t.sent, c.failed - t.failed) AS rate_before,
               (t.late > 0 OR c.processed / 5 > (c.processed - t.done) / 5
                OR (t.done > 0 AND c.processed = c.total)) AS progressed,
               eta_seconds(c.total - c.processed, c.gap_seconds,
                           recent_rate(c.window_at, c.window_sent, c.window_before)) AS eta),
       told AS MATERIALIZED (
        SELECT c.*, coalesce(events, '[]')
                    || CASE WHEN progressed
                            THEN jsonb_build_array(jsonb_build_object(
                                   'event', 'progress', 'currentPosition', processed, 'totalContacts', total,
                                   'progressPercentage', trim_scale(round(100.0 * processed / total, 2)),
                                   'sent', sent, 'errors', failed, 'inDoubt', in_doubt, 'skipped', skipped,
                                   'estimated_seconds_remaining', eta))
                            ELSE '[]' END AS news
          FROM counted AS c),
       numbered AS MATERIALIZED (  -- the campaign's next numbers, up to its new `seq`
        SELECT t.*, seq - jsonb_array_length(news) + 1 AS first_seq,
               (SELECT jsonb_agg(jsonb_build_object('seq', t.seq - jsonb_array_length(t.news) + place) || event
                                 ORDER BY place)
                  FROM jsonb_array_elements(t.news) WITH ORDINALITY AS e(event, place)) AS numbered_news
          FROM told AS t),
       stored AS (
        INSERT INTO campaign_events (tenant_id, campaign_id, first_seq, last_seq, events)
        SELECT tenant_id, campaign_id, first_seq, seq, numbered_news
          FROM numbered
         WHERE numbered_news IS NOT NULL),
       hours AS (
        INSERT INTO campaign_hours AS h (tenant_id, campaign_id, hour, sent, failed, seconds_sum)
        SELECT tenant_id, campaign_id, date_trunc('hour', now()), now_sent, now_failed, coalesce(now_seconds, 0)
          FROM counted
         WHERE now_sent + now_failed > 0
         ORDER BY campaign_id
            ON CONFLICT (campaign_id, hour, tenant_id) DO UPDATE
           SET sent = h.sent + excluded.sent, failed = h.failed + excluded.failed,
               seconds_sum = h.seconds_sum + excluded.seconds_sum),
       errors AS (
        INSERT INTO campaign_errors AS x (tenant_id, campaign_id, kind, code, count)
        SELECT n.tenant_id, n.campaign_id, n.after, n.code, count(*)
          FROM mine AS n
         WHERE n.after IN ('failed', 'skipped') AND (SELECT count(*) FROM counted) > 0  -- counters first
         GROUP BY n.tenant_id, n.campaign_id, n.after, n.code
         ORDER BY n.campaign_id, n.after, n.code
            ON CONFLICT (campaign_id, kind, code, tenant_id) DO UPDATE SET count = x.count + excluded.count),
       usage AS (
        INSERT INTO usage_daily AS u (tenant_id, day, sent, failed)
        SELECT c.tenant_id, (now() AT TIME ZONE t.time_zone)::date, sum(c.now_sent), sum(c.now_failed)
          FROM counted AS c
          JOIN tenants AS t USING (tenant_id)
         GROUP BY c.tenant_id, t.time_zone
        HAVING sum(c.now_sent) + sum(c.now_failed) > 0
         ORDER BY c.tenant_id
            ON CONFLICT (tenant_id, day) DO UPDATE
           SET sent = u.sent + excluded.sent, failed = u.failed + excluded.failed),
       totals AS (
        INSERT INTO tenant_totals AS x (tenant_id, sent, failed, in_doubt, rated, rate_sum)
        SELECT tenant_id, sum(now_sent), sum(now_failed), sum(now_in_doubt), count(rate) - count(rate_before),
               coalesce(sum(rate), 0) - coalesce(sum(rate_before), 0)
          FROM counted
         GROUP BY tenant_id
        HAVING sum(now_sent) + sum(now_failed) + sum(abs(now_in_doubt)) > 0
         ORDER BY tenant_id
            ON CONFLICT (tenant_id) DO UPDATE
           SET sent = x.sent + excluded.sent, failed = x.failed + excluded.failed,
               in_doubt = x.in_doubt + excluded.in_doubt, rated = x.rated + excluded.rated,
               rate_sum = x.rate_sum + excluded.rate_sum)
SELECT tenant_id, campaign_id, processed = total AS done, first_seq, seq AS last_seq,
       numbered_news AS events, now() AS at, total, processed, sent, failed, in_doubt, now_done
  FROM numbered
 ORDER BY campaign_id;

-- claim_lapsed_sending --
-- Open attempts whose worker is gone: their lease, deadline and margin included, is over.
SELECT m.tenant_id, m.campaign_id, m.position, m.lease_id, m.attempts AS attempt
  FROM messages AS m
 WHERE m.status = 'sending' AND m.lease_until < clock_timestamp()
 ORDER BY m.lease_until
 LIMIT %(limit)s
   FOR UPDATE SKIP LOCKED;

-- release_lapsed_leased --
-- Leased messages whose worker never came: no attempt is open, so they simply go back.
  WITH lapsed AS (
        SELECT tenant_id, campaign_id, position
          FROM messages
         WHERE status = 'leased' AND lease_until < clock_timestamp()
         ORDER BY lease_until
         LIMIT %(limit)s
           FOR UPDATE SKIP LOCKED)
UPDATE messages AS m
   SET status = 'pending', lease_id = NULL, lease_until = NULL, slot_at = NULL, due_at = clock_timestamp()
  FROM lapsed AS l
 WHERE m.tenant_id = l.tenant_id AND m.campaign_id = l.campaign_id AND m.position = l.position;

-- recount --
-- Conservation: what the rows of one campaign say.
SELECT total, pending, leased, sending, sent, failed, in_doubt, cancelled, skipped
  FROM conservation(%(campaign_id)s)
 WHERE tenant_id = %(tenant_id)s;
