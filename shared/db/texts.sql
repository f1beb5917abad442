-- insert_texts --
-- Every sendable contact of the new campaign waits for its text.
INSERT INTO message_texts (tenant_id, campaign_id, position)
SELECT tenant_id, campaign_id, position
  FROM messages
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND status = 'pending';

-- insert_campaign_texts --
INSERT INTO campaign_texts (tenant_id, campaign_id, waiting)
SELECT %(tenant_id)s, %(campaign_id)s, count(*)
  FROM message_texts
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s;

-- claim --
-- The next texts of running campaigns, only as many as their pace sends within the time ahead, those
-- served longest ago first. A lease that lapsed is taken again. Nothing here waits for a lock: what
-- another writer or a cancel holds is left to the next look.
  WITH live AS MATERIALIZED (
        SELECT x.tenant_id, x.campaign_id, x.tokens, x.served_at, k.model, k.template,
               ceil(%(ahead_seconds)s / greatest(coalesce(c.gap_seconds, 1), 0.05))::int + 1 AS ahead
          FROM campaign_texts AS x
          JOIN campaigns AS k USING (campaign_id, tenant_id)
          JOIN campaign_counters AS c USING (campaign_id, tenant_id)
         WHERE x.waiting > 0 AND k.status = 'running'
         ORDER BY x.served_at, x.campaign_id
         LIMIT %(campaigns)s
           FOR UPDATE OF x SKIP LOCKED),
       wanted AS MATERIALIZED (
        SELECT l.*, r.room - (SELECT count(*) FROM message_texts AS t
                               WHERE t.campaign_id = l.campaign_id AND t.outcome IS NULL
                                 AND t.lease_until > clock_timestamp()) AS room
          FROM live AS l
         CROSS JOIN LATERAL (
               SELECT l.ahead - count(*) AS room
                 FROM (SELECT FROM messages AS m
                        WHERE m.campaign_id = l.campaign_id AND m.status = 'pending'
                          AND m.due_at < 'infinity'
                        LIMIT l.ahead) AS ready) AS r),
       free AS MATERIALIZED (
        SELECT w.tenant_id, w.campaign_id, w.tokens, w.model, w.template, t.position
          FROM wanted AS w
         CROSS JOIN LATERAL (
               SELECT position, row_number() OVER () AS turn
                 FROM (SELECT n.position
                         FROM message_texts AS n
                         JOIN messages AS m USING (campaign_id, position, tenant_id)
                        WHERE n.campaign_id = w.campaign_id AND n.outcome IS NULL
                          AND (n.lease_until IS NULL OR n.lease_until < clock_timestamp())
                          AND m.status = 'pending' AND m.due_at = 'infinity'
                        ORDER BY n.position
                        LIMIT greatest(least(w.room, %(limit)s), 0)
                          FOR UPDATE OF n SKIP LOCKED) AS next) AS t
         ORDER BY t.turn, w.served_at, w.campaign_id
         LIMIT %(limit)s),
       leased AS (
        UPDATE message_texts AS t
           SET tries = t.tries + 1, lease_id = gen_random_uuid(),
               lease_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
          FROM free AS f
         WHERE t.tenant_id = f.tenant_id AND t.campaign_id = f.campaign_id AND t.position = f.position
     RETURNING t.tenant_id, t.campaign_id, t.position, t.lease_id, t.tries, f.tokens, f.model, f.template),
       served AS (
        UPDATE campaign_texts AS x
           SET served_at = clock_timestamp()
          FROM live AS l
         WHERE x.tenant_id = l.tenant_id AND x.campaign_id = l.campaign_id
           AND (l.campaign_id IN (SELECT campaign_id FROM free)
                OR (SELECT count(*) FROM live) >= %(campaigns)s))  -- some were not looked at
SELECT l.tenant_id, l.campaign_id, l.position, l.lease_id, l.tries, l.tokens AS tokens_spent, l.model,
       l.template, c.name, c.phone, c.variables
  FROM leased AS l
  JOIN contacts AS c USING (campaign_id, position, tenant_id)
 ORDER BY l.campaign_id, l.position;

-- settle --
-- A text is stored once, before the message can be due: only where the lease still holds and the
-- message still waits for it. From here on the message is like any other. Tokens count whatever
-- became of the text. Locks: messages and texts by position, then the campaign's numbers.
  WITH written AS MATERIALIZED (
        SELECT * FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(positions)s::int[],
                             %(lease_ids)s::uuid[], %(bodies)s::text[], %(outcomes)s::text[],
                             %(tokens)s::bigint[])
               AS w(tenant_id, campaign_id, position, lease_id, body, outcome, tokens)),
       mine AS MATERIALIZED (
        SELECT w.*
          FROM written AS w
          JOIN messages AS m ON m.tenant_id = w.tenant_id AND m.campaign_id = w.campaign_id
               AND m.position = w.position
          JOIN message_texts AS t ON t.tenant_id = w.tenant_id AND t.campaign_id = w.campaign_id
               AND t.position = w.position
         WHERE m.status = 'pending' AND m.due_at = 'infinity' AND m.attempts = 0
           AND t.outcome IS NULL AND t.lease_id = w.lease_id
         ORDER BY m.campaign_id, m.position
           FOR UPDATE OF m, t),
       stored AS (
        UPDATE contacts AS c
           SET body = n.body
          FROM mine AS n
         WHERE c.tenant_id = n.tenant_id AND c.campaign_id = n.campaign_id AND c.position = n.position
           AND n.body IS NOT NULL),
       due AS (
        UPDATE messages AS m
           SET due_at = clock_timestamp()
          FROM mine AS n
         WHERE m.tenant_id = n.tenant_id AND m.campaign_id = n.campaign_id AND m.position = n.position),
       settled AS (
        UPDATE message_texts AS t
           SET outcome = n.outcome, tokens = n.tokens, lease_until = NULL
          FROM mine AS n
         WHERE t.tenant_id = n.tenant_id AND t.campaign_id = n.campaign_id AND t.position = n.position),
       tally AS MATERIALIZED (
        SELECT w.tenant_id, w.campaign_id, sum(w.tokens) AS tokens,
               (SELECT count(*) FROM mine AS n
                 WHERE n.tenant_id = w.tenant_id AND n.campaign_id = w.campaign_id) AS settled,
               (SELECT count(*) FROM mine AS n
                 WHERE n.tenant_id = w.tenant_id AND n.campaign_id = w.campaign_id
                   AND n.outcome = 'model') AS written
          FROM written AS w
         GROUP BY w.tenant_id, w.campaign_id),
       locked AS MATERIALIZED (
        SELECT x.tenant_id, x.campaign_id
          FROM campaign_texts AS x
         WHERE (x.tenant_id, x.campaign_id) IN (SELECT tenant_id, campaign_id FROM tally)
         ORDER BY x.campaign_id
           FOR UPDATE),
       counted AS (
        UPDATE campaign_texts AS x
           SET waiting = x.waiting - t.settled, written = x.written + t.written,
               tokens = x.tokens + t.tokens
          FROM tally AS t
          JOIN locked AS l USING (tenant_id, campaign_id)
         WHERE x.tenant_id = t.tenant_id AND x.campaign_id = t.campaign_id),
       errors AS (
        INSERT INTO campaign_errors AS e (tenant_id, campaign_id, kind, code, count)
        SELECT n.tenant_id, n.campaign_id, 'template', n.outcome, count(*)
          FROM mine AS n
         WHERE n.outcome <> 'model'
         GROUP BY n.tenant_id, n.campaign_id, n.outcome
         ORDER BY n.campaign_id, n.outcome
            ON CONFLICT (campaign_id, kind, code, tenant_id) DO UPDATE SET count = e.count + excluded.count)
SELECT count(*) FROM mine;

-- drop_waiting --
-- The campaign was cancelled: nothing more is written for it.
DELETE FROM message_texts
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND outcome IS NULL;

-- nothing_waits --
UPDATE campaign_texts
   SET waiting = 0
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s;

-- find_progress --
SELECT k.model, x.waiting, x.written, x.tokens
  FROM campaign_texts AS x
  JOIN campaigns AS k USING (campaign_id, tenant_id)
 WHERE x.tenant_id = %(tenant_id)s AND x.campaign_id = %(campaign_id)s;
