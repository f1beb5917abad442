-- claim_inbox --
-- Stored webhooks that are due, in the order they came.
SELECT b.inbox_id, b.tenant_id, b.instance_id, b.event, b.body, b.tries,
       extract(epoch FROM clock_timestamp() - b.received_at)::double precision AS age_seconds
  FROM provider_inbox AS b
 WHERE b.settled_at IS NULL AND b.due_at <= clock_timestamp()
 ORDER BY b.due_at, b.inbox_id
 LIMIT %(limit)s
   FOR UPDATE SKIP LOCKED;

-- settle_inbox --
UPDATE provider_inbox AS b
   SET settled_at = clock_timestamp(), outcome = s.outcome
  FROM unnest(%(tenant_ids)s::bigint[], %(inbox_ids)s::bigint[], %(outcomes)s::text[])
       AS s(tenant_id, inbox_id, outcome)
 WHERE b.tenant_id = s.tenant_id AND b.inbox_id = s.inbox_id;

-- hold_inbox --
-- Nothing matches yet: the answer to our own send may still be on its way. Look again, a little later
-- each time.
UPDATE provider_inbox AS b
   SET tries = least(b.tries + 1, 100),
       due_at = clock_timestamp() + make_interval(secs => least(2.0 * (b.tries + 1), 30))
  FROM unnest(%(tenant_ids)s::bigint[], %(inbox_ids)s::bigint[]) AS h(tenant_id, inbox_id)
 WHERE b.tenant_id = h.tenant_id AND b.inbox_id = h.inbox_id;

-- apply_receipts --
-- Server ack, delivered, read: rank only rises; steps may be skipped, repeated or inverted. Counters
-- move with the messages, locked after them and in campaign order.
  WITH given AS (
        SELECT instance_id, provider_id, max(rank) AS rank, bool_or(rank = 0) AS refused
          FROM unnest(%(instance_ids)s::bigint[], %(provider_ids)s::text[], %(ranks)s::int[])
               AS g(instance_id, provider_id, rank)
         GROUP BY instance_id, provider_id),
       mine AS MATERIALIZED (
        SELECT m.tenant_id, m.campaign_id, m.position, m.instance_id, m.provider_id, g.rank, g.refused,
               m.status AS before, m.sent_at,
               m.acked_at IS NOT NULL AS acked, m.refused_at IS NOT NULL AS known_refused,
               CASE WHEN g.rank >= 3 AND m.status IN ('sent', 'delivered') THEN 'read'
                    WHEN g.rank = 2 AND m.status = 'sent' THEN 'delivered'
                    ELSE m.status END AS after
          FROM given AS g
          JOIN messages AS m ON m.instance_id = g.instance_id AND m.provider_id = g.provider_id
         WHERE m.status IN ('sent', 'delivered', 'read')
         ORDER BY m.campaign_id, m.position
           FOR UPDATE OF m),
       moved AS (
        UPDATE messages AS m
           SET status = n.after,
               acked_at = CASE WHEN n.rank >= 1 THEN coalesce(m.acked_at, clock_timestamp()) ELSE m.acked_at END,
               delivered_at = CASE WHEN n.rank >= 2 THEN coalesce(m.delivered_at, clock_timestamp())
                                   ELSE m.delivered_at END,
               read_at = CASE WHEN n.rank >= 3 THEN coalesce(m.read_at, clock_timestamp()) ELSE m.read_at END,
               refused_at = CASE WHEN n.refused THEN coalesce(m.refused_at, clock_timestamp()) ELSE m.refused_at END,
               reason = CASE WHEN n.refused AND m.acked_at IS NULL AND n.rank = 0 THEN 'refused_by_whatsapp'
                             WHEN n.rank >= 1 AND m.reason = 'refused_by_whatsapp' THEN NULL
                             ELSE m.reason END
          FROM mine AS n
         WHERE m.tenant_id = n.tenant_id AND m.campaign_id = n.campaign_id AND m.position = n.position
           AND (n.after <> n.before OR (n.rank >= 1 AND m.acked_at IS NULL) OR (n.refused AND m.refused_at IS NULL)
                OR (n.rank = 3 AND m.read_at IS NULL) OR (n.rank >= 2 AND m.delivered_at IS NULL))),
       tally AS (
        SELECT tenant_id, campaign_id,
               count(*) FILTER (WHERE before = 'sent' AND after IN ('delivered', 'read')) AS delivered,
               count(*) FILTER (WHERE before <> 'read' AND after = 'read') AS read
          FROM mine
         GROUP BY tenant_id, campaign_id),
       locked AS MATERIALIZED (
        SELECT c.tenant_id, c.campaign_id
          FROM campaign_counters AS c
         WHERE (c.tenant_id, c.campaign_id) IN
               (SELECT tenant_id, campaign_id FROM tally WHERE delivered + read > 0)
         ORDER BY c.campaign_id
           FOR UPDATE),
       counted AS (
        UPDATE campaign_counters AS c
           SET delivered = c.delivered + t.delivered, read = c.read + t.read
          FROM tally AS t JOIN locked USING (tenant_id, campaign_id)
         WHERE c.tenant_id = t.tenant_id AND c.campaign_id = t.campaign_id)
SELECT tenant_id, campaign_id, instance_id, provider_id,
       CASE WHEN after = 'read' AND before <> 'read' THEN 'read'
            WHEN after <> before THEN after
            WHEN rank >= 1 AND NOT acked THEN 'accepted'
            WHEN refused AND NOT known_refused THEN 'refused' END AS news,
       extract(epoch FROM clock_timestamp() - sent_at)::double precision AS age_seconds
  FROM mine;

-- touch_instances --
UPDATE instances SET last_ack_at = clock_timestamp()
 WHERE instance_id = ANY(%(instance_ids)s)
   AND (last_ack_at IS NULL OR last_ack_at < clock_timestamp() - interval '10 s');

-- record_reply --
-- The newest message this instance sent to that phone was answered; the first answer counts.
  WITH newest AS (
        SELECT m.tenant_id, m.campaign_id, m.position
          FROM contacts AS c
          JOIN messages AS m USING (tenant_id, campaign_id, position)
         WHERE c.tenant_id = %(tenant_id)s AND c.phone = %(phone)s AND c.body IS NOT NULL
           AND m.instance_id = %(instance_id)s AND m.status IN ('sent', 'delivered', 'read')
         ORDER BY c.campaign_id DESC
         LIMIT 1),
       answered AS (
        UPDATE messages AS m SET replied_at = clock_timestamp()
          FROM newest AS n
         WHERE m.tenant_id = n.tenant_id AND m.campaign_id = n.campaign_id AND m.position = n.position
           AND m.replied_at IS NULL
     RETURNING m.tenant_id, m.campaign_id)
UPDATE campaign_counters AS c SET replied = c.replied + 1
  FROM answered AS a
 WHERE c.tenant_id = a.tenant_id AND c.campaign_id = a.campaign_id
RETURNING c.tenant_id, c.campaign_id;

-- receipt_totals --
-- How far the messages of these campaigns came, and who is to hear it.
SELECT c.tenant_id, c.campaign_id, g.public_id, g.user_id, c.delivered, c.read, c.replied,
       clock_timestamp() AS at
  FROM campaign_counters AS c
  JOIN campaigns AS g USING (tenant_id, campaign_id)
 WHERE c.tenant_id = ANY(%(tenant_ids)s) AND c.campaign_id = ANY(%(campaign_ids)s);

-- note_connection --
-- A connection event arrived: it may be old, so it only says that Evolution should be asked. What it
-- knows besides the state (why it closed, whose number it is) is kept.
UPDATE instances
   SET checked_at = '-infinity', state_reason = coalesce(%(reason)s, state_reason),
       owner_phone = coalesce(%(owner_phone)s, owner_phone)
 WHERE tenant_id = %(tenant_id)s AND instance_id = %(instance_id)s AND deleted_at IS NULL;

-- note_lids --
-- A receipt tells the LID of somebody we wrote to.
UPDATE messages AS m
   SET remote_jid = l.jid
  FROM unnest(%(instance_ids)s::bigint[], %(provider_ids)s::text[], %(jids)s::text[])
       AS l(instance_id, provider_id, jid)
 WHERE m.instance_id = l.instance_id AND m.provider_id = l.provider_id
   AND m.remote_jid IS DISTINCT FROM l.jid;

-- remember_lid --
-- Seen again counts once a day: retention goes by when a pair was last seen.
INSERT INTO known_lids AS k (tenant_id, lid, phone)
VALUES (%(tenant_id)s, %(lid)s, %(phone)s)
    ON CONFLICT (tenant_id, lid) DO UPDATE SET phone = excluded.phone, seen_at = now()
 WHERE k.phone <> excluded.phone OR k.seen_at < now() - interval '1 day';

-- phone_of_lid --
-- As an event named them, else as a receipt of a message to them did.
SELECT phone FROM known_lids WHERE tenant_id = %(tenant_id)s AND lid = %(jid)s
 UNION ALL
(SELECT c.phone
   FROM messages AS m JOIN contacts AS c USING (campaign_id, position, tenant_id)
  WHERE m.instance_id = %(instance_id)s AND m.remote_jid = %(jid)s AND m.remote_jid LIKE '%%@lid'
    AND m.tenant_id = %(tenant_id)s
  ORDER BY m.campaign_id DESC
  LIMIT 1)
 LIMIT 1;
