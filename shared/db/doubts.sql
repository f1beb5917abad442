-- set_policy --
-- None leaves a field as it is.
UPDATE campaigns
   SET doubt_policy = coalesce(%(policy)s, doubt_policy),
       doubt_after_hours = coalesce(%(after_hours)s, doubt_after_hours)
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s
RETURNING doubt_policy, doubt_after_hours;

-- page --
-- Open doubts with what is known of each, oldest campaign first. An open send is the evidence window.
SELECT m.campaign_id, k.public_id, m.position, c.name, c.phone, c.body, i.name AS instance, m.reason, m.detail,
       m.attempts AS attempt, a.started_at, a.http_status, o.looks,
       CASE WHEN o.next_look_at < now() + interval '1 day' THEN o.next_look_at END AS next_look_at,
       o.campaign_id IS NOT NULL AS watched, coalesce(i.lookup_found_at > a.started_at, false) AS lookup_works,
       m.resent_at, m.duplicate_suspected
  FROM messages AS m
  JOIN campaigns AS k USING (tenant_id, campaign_id)
  JOIN contacts AS c USING (tenant_id, campaign_id, position)
  LEFT JOIN attempts AS a ON a.tenant_id = m.tenant_id AND a.campaign_id = m.campaign_id
       AND a.position = m.position AND a.number = m.attempts
  LEFT JOIN open_sends AS o ON o.tenant_id = m.tenant_id AND o.campaign_id = m.campaign_id
       AND o.position = m.position
  LEFT JOIN instances AS i ON i.tenant_id = m.tenant_id AND i.instance_id = m.instance_id
 WHERE m.tenant_id = %(tenant_id)s AND m.status = 'in_doubt'
   AND (%(campaign_id)s::bigint IS NULL OR m.campaign_id = %(campaign_id)s)
   AND (m.campaign_id, m.position) > (%(after_campaign)s::bigint, %(after_position)s::int)
 ORDER BY m.campaign_id, m.position
 LIMIT %(limit)s;

-- pick --
-- Lock doubts for a decision. `looked`: only those the provider was asked about, for what goes again;
-- `once`: only those that have not gone again yet.
SELECT m.position, m.attempts AS attempt
  FROM messages AS m
  LEFT JOIN open_sends AS o ON o.tenant_id = m.tenant_id AND o.campaign_id = m.campaign_id
       AND o.position = m.position
 WHERE m.tenant_id = %(tenant_id)s AND m.campaign_id = %(campaign_id)s AND m.status = 'in_doubt'
   AND (%(positions)s::int[] IS NULL OR m.position = ANY(%(positions)s::int[]))
   AND (NOT %(looked)s::boolean OR o.looks IS NULL OR o.looks > 0)
   AND (NOT %(once)s::boolean OR m.resent_at IS NULL)
 ORDER BY m.position
   FOR UPDATE OF m;

-- claim_given_up --
-- Doubts whose campaign gives them up by now: all looks were made, and its hours are over.
SELECT m.tenant_id, m.campaign_id, m.position, m.attempts AS attempt, k.public_id
  FROM campaigns AS k
  JOIN campaign_counters AS n USING (tenant_id, campaign_id)
  JOIN messages AS m USING (tenant_id, campaign_id)
  JOIN attempts AS a ON a.tenant_id = m.tenant_id AND a.campaign_id = m.campaign_id
       AND a.position = m.position AND a.number = m.attempts
  LEFT JOIN open_sends AS o ON o.tenant_id = m.tenant_id AND o.campaign_id = m.campaign_id
       AND o.position = m.position
 WHERE k.doubt_policy = 'give_up' AND k.executor = 'engine' AND n.in_doubt > 0 AND m.status = 'in_doubt'
   AND a.started_at < clock_timestamp() - make_interval(hours => k.doubt_after_hours)
   AND (o.looks IS NULL OR o.looks >= %(looks)s)
 ORDER BY m.campaign_id, m.position
 LIMIT %(limit)s
   FOR UPDATE OF m SKIP LOCKED;

-- claim_resends --
-- Doubts whose campaign sends them again by now, to be looked up a last time. The next try is set first,
-- so one that cannot be decided now is not tried at every tick.
  WITH due AS (
        SELECT m.tenant_id, m.campaign_id, m.position, m.instance_id, m.attempts, a.started_at
          FROM campaigns AS k
          JOIN campaign_counters AS n USING (tenant_id, campaign_id)
          JOIN messages AS m USING (tenant_id, campaign_id)
          JOIN attempts AS a ON a.tenant_id = m.tenant_id AND a.campaign_id = m.campaign_id
               AND a.position = m.position AND a.number = m.attempts
          LEFT JOIN open_sends AS o ON o.tenant_id = m.tenant_id AND o.campaign_id = m.campaign_id
               AND o.position = m.position
         WHERE k.doubt_policy = 'resend_once' AND k.executor = 'engine' AND k.status <> 'cancelled'
           AND n.in_doubt > 0 AND m.status = 'in_doubt' AND m.resent_at IS NULL
           AND m.due_at <= clock_timestamp()
           AND a.started_at < clock_timestamp() - make_interval(hours => k.doubt_after_hours)
           AND (o.looks IS NULL OR o.looks >= %(looks)s)
         ORDER BY m.campaign_id, m.position
         LIMIT %(limit)s
           FOR UPDATE OF m SKIP LOCKED)
UPDATE messages AS m
   SET due_at = clock_timestamp() + make_interval(secs => %(again_seconds)s)
  FROM due AS d, contacts AS c, campaigns AS k, instances AS i
 WHERE m.tenant_id = d.tenant_id AND m.campaign_id = d.campaign_id AND m.position = d.position
   AND c.tenant_id = d.tenant_id AND c.campaign_id = d.campaign_id AND c.position = d.position
   AND k.tenant_id = d.tenant_id AND k.campaign_id = d.campaign_id
   AND i.tenant_id = d.tenant_id AND i.instance_id = d.instance_id
RETURNING d.tenant_id, d.campaign_id, d.position, d.attempts AS attempt, d.instance_id, c.phone, d.started_at,
          c.body, k.image_url IS NOT NULL AS has_image, known_lids(d.tenant_id, d.instance_id, c.phone) AS lids,
          k.public_id AS campaign, i.public_id, i.name, i.token,
          coalesce(i.lookup_found_at > d.started_at, false) AS lookup_works;

-- newer_send --
-- A message of an instance that certainly left after an instant: the provider's search must show it.
SELECT s.provider_id, s.remote_jid, s.started_at
  FROM campaign_instances AS ci
  JOIN campaign_counters AS n USING (tenant_id, campaign_id)
 CROSS JOIN LATERAL (
       SELECT m.provider_id, m.remote_jid, a.started_at
         FROM messages AS m
         JOIN attempts AS a ON a.tenant_id = m.tenant_id AND a.campaign_id = m.campaign_id
              AND a.position = m.position AND a.number = m.attempts
        WHERE m.tenant_id = ci.tenant_id AND m.campaign_id = ci.campaign_id AND m.instance_id = ci.instance_id
          AND m.status IN ('sent', 'delivered', 'read') AND m.provider_id IS NOT NULL
          AND m.remote_jid IS NOT NULL AND a.started_at > %(after)s
        LIMIT 1) AS s
 WHERE ci.tenant_id = %(tenant_id)s AND ci.instance_id = %(instance_id)s AND n.last_sent_at > %(after)s
 ORDER BY ci.campaign_id DESC
 LIMIT 1;

-- note_lookup --
UPDATE instances
   SET lookup_found_at = greatest(lookup_found_at, %(sent_at)s)
 WHERE tenant_id = %(tenant_id)s AND instance_id = %(instance_id)s;

-- decided --
-- A message with this text to this phone that was decided without evidence: taken for sent, given up, or
-- waiting to go again.
SELECT m.tenant_id, m.campaign_id, m.position, m.attempts AS attempt, false AS in_doubt, c.body,
       k.image_url IS NOT NULL AS has_image, extract(epoch FROM a.started_at)::double precision AS started_unix
  FROM contacts AS c
  JOIN messages AS m USING (tenant_id, campaign_id, position)
  JOIN campaigns AS k USING (tenant_id, campaign_id)
  JOIN attempts AS a ON a.tenant_id = m.tenant_id AND a.campaign_id = m.campaign_id
       AND a.position = m.position AND a.number = m.attempts
 WHERE c.tenant_id = %(tenant_id)s AND c.phone = %(phone)s AND c.body IS NOT NULL AND c.body = %(body)s
   AND m.instance_id = %(instance_id)s
   AND ((m.status = 'failed' AND m.reason = 'outcome_unknown')
        OR (m.status = 'pending' AND m.resent_at IS NOT NULL)
        OR (m.status = 'sent' AND m.decided_at IS NOT NULL AND m.provider_id IS NULL))
 ORDER BY a.started_at DESC
 LIMIT 1;

-- doubt_again --
-- pending -> in doubt, on the way to sent: evidence came after the decision to send again.
  WITH moved AS (
        UPDATE messages
           SET status = 'in_doubt'
         WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND position = %(position)s
           AND status = 'pending' AND resent_at IS NOT NULL AND attempts = %(attempt)s
     RETURNING tenant_id),
       counted AS (
        UPDATE campaign_counters AS c
           SET in_doubt = c.in_doubt + 1
          FROM moved AS m
         WHERE c.tenant_id = m.tenant_id AND c.campaign_id = %(campaign_id)s
     RETURNING c.tenant_id)
UPDATE tenant_totals AS x
   SET in_doubt = x.in_doubt + 1
  FROM counted AS c
 WHERE x.tenant_id = c.tenant_id
RETURNING x.tenant_id;

-- adopt --
UPDATE messages
   SET provider_id = %(provider_id)s, remote_jid = %(remote_jid)s
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND position = %(position)s
   AND status = 'sent' AND decided_at IS NOT NULL AND provider_id IS NULL AND attempts = %(attempt)s;

-- many --
-- Live campaigns with more than a few doubts that outlived the looks of their first minutes and that
-- nobody has seen yet.
SELECT k.tenant_id, k.campaign_id, k.public_id, k.request_id, n.total, count(*)::int AS doubts
  FROM campaigns AS k
  JOIN campaign_counters AS n USING (tenant_id, campaign_id)
  JOIN messages AS m USING (tenant_id, campaign_id)
  JOIN attempts AS a ON a.tenant_id = m.tenant_id AND a.campaign_id = m.campaign_id
       AND a.position = m.position AND a.number = m.attempts
  LEFT JOIN open_sends AS o ON o.tenant_id = m.tenant_id AND o.campaign_id = m.campaign_id
       AND o.position = m.position
 WHERE k.status IN ('running', 'pending') AND k.executor = 'engine' AND n.in_doubt > %(many)s
   AND n.processed < n.total AND m.status = 'in_doubt'
   AND a.started_at > coalesce(k.doubts_seen_at, '-infinity') AND (o.looks IS NULL OR o.looks >= %(looks)s)
 GROUP BY k.tenant_id, k.campaign_id, k.public_id, k.request_id, n.total
HAVING count(*) > %(many)s
 ORDER BY k.campaign_id;

-- pause --
UPDATE campaigns
   SET status = 'paused', pause_reason = 'many_doubts'
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND status IN ('running', 'pending')
RETURNING campaign_id;

-- pause_pace --
UPDATE campaign_pace
   SET waiting_reason = 'many_doubts'
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s;
