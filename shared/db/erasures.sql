-- request --
INSERT INTO erasures (tenant_id, phone)
VALUES (%(tenant_id)s, %(phone)s)
RETURNING erasure_id, requested_at, done_at, contacts;

-- page --
-- The newest.
SELECT erasure_id, requested_at, done_at, contacts
  FROM erasures
 WHERE tenant_id = %(tenant_id)s
 ORDER BY erasure_id DESC
 LIMIT %(limit)s;

-- due --
SELECT tenant_id, erasure_id, phone
  FROM erasures
 WHERE done_at IS NULL AND look_at <= now()
 ORDER BY look_at
 LIMIT %(limit)s;

-- lease_waiting --
-- What waits to be sent to them, or for its text, is taken, so that it can be settled as skipped. What
-- somebody else sends is left until it has its end.
  WITH waiting AS MATERIALIZED (
        SELECT m.tenant_id, m.campaign_id, m.position
          FROM contacts AS c
          JOIN messages AS m USING (tenant_id, campaign_id, position)
         WHERE c.tenant_id = %(tenant_id)s AND c.phone = %(phone)s AND c.body IS NOT NULL
           AND m.status = 'pending'
           AND (m.due_at < 'infinity'
                OR EXISTS (SELECT FROM message_texts AS x
                            WHERE x.tenant_id = m.tenant_id AND x.campaign_id = m.campaign_id
                              AND x.position = m.position AND x.outcome IS NULL))
         ORDER BY m.campaign_id, m.position
         LIMIT %(limit)s
           FOR UPDATE OF m SKIP LOCKED),
       texts AS (
        DELETE FROM message_texts AS x USING waiting AS w
         WHERE x.tenant_id = w.tenant_id AND x.campaign_id = w.campaign_id AND x.position = w.position
           AND x.outcome IS NULL
     RETURNING x.tenant_id, x.campaign_id),
       counted AS (
        UPDATE campaign_texts AS t SET waiting = t.waiting - x.count
          FROM (SELECT tenant_id, campaign_id, count(*) FROM texts GROUP BY tenant_id, campaign_id) AS x
         WHERE t.tenant_id = x.tenant_id AND t.campaign_id = x.campaign_id)
UPDATE messages AS m
   SET status = 'leased', lease_id = gen_random_uuid(), lease_until = clock_timestamp() + interval '1 minute'
  FROM waiting AS w
 WHERE m.tenant_id = w.tenant_id AND m.campaign_id = w.campaign_id AND m.position = w.position
RETURNING m.tenant_id, m.campaign_id, m.position, m.lease_id, m.attempts AS attempt;

-- lock_doubts --
-- Doubts about them whose evidence window is over.
SELECT m.tenant_id, m.campaign_id, m.position, m.attempts
  FROM contacts AS c
  JOIN messages AS m USING (tenant_id, campaign_id, position)
 WHERE c.tenant_id = %(tenant_id)s AND c.phone = %(phone)s AND c.body IS NOT NULL AND m.status = 'in_doubt'
   AND NOT EXISTS (SELECT FROM open_sends AS o
                    WHERE o.tenant_id = m.tenant_id AND o.campaign_id = m.campaign_id AND o.position = m.position)
 ORDER BY m.campaign_id, m.position
 LIMIT %(limit)s
   FOR UPDATE OF m;

-- claim --
SELECT erasure_id
  FROM erasures
 WHERE tenant_id = %(tenant_id)s AND erasure_id = %(erasure_id)s AND done_at IS NULL
   FOR UPDATE SKIP LOCKED;

-- find --
-- Where they stand: as somebody to write to, and as somebody who was skipped. Of the skipped, the phone
-- is to be read by whoever asks.
SELECT c.campaign_id, c.position, c.phone, c.sendable, m.status, m.remote_jid
  FROM (SELECT tenant_id, campaign_id, position, phone, true AS sendable
          FROM contacts
         WHERE tenant_id = %(tenant_id)s AND phone = %(phone)s AND body IS NOT NULL
         UNION ALL
        SELECT tenant_id, campaign_id, position, phone, false
          FROM contacts
         WHERE tenant_id = %(tenant_id)s AND body IS NULL AND phone <> ''
           AND right(regexp_replace(phone, '\D', '', 'g'), 8) = right(%(phone)s::text, 8)) AS c
  JOIN messages AS m USING (tenant_id, campaign_id, position)
 ORDER BY c.campaign_id, c.position
 LIMIT %(limit)s;

-- lock_campaigns --
-- Keeps out whoever would put one of their messages back into the queue.
SELECT campaign_id
  FROM campaigns
 WHERE tenant_id = %(tenant_id)s AND campaign_id = ANY(%(campaign_ids)s::bigint[])
 ORDER BY campaign_id
   FOR SHARE;

-- empty --
-- Only what is over: a message on its way needs its text.
  WITH over AS MATERIALIZED (
        SELECT m.tenant_id, m.campaign_id, m.position
          FROM unnest(%(campaign_ids)s::bigint[], %(positions)s::int[]) AS w(campaign_id, position)
          JOIN messages AS m ON m.tenant_id = %(tenant_id)s AND m.campaign_id = w.campaign_id
               AND m.position = w.position
         WHERE m.status NOT IN ('pending', 'leased', 'sending', 'in_doubt')
         ORDER BY m.campaign_id, m.position
           FOR UPDATE OF m),
       emptied AS (
        UPDATE contacts AS c
           SET name = '', phone = '', variables = '{}', body = NULL
          FROM over AS o
         WHERE c.tenant_id = o.tenant_id AND c.campaign_id = o.campaign_id AND c.position = o.position
           AND (c.name, c.phone) <> ('', '')
     RETURNING 1),
       quieted AS (
        UPDATE messages AS m
           SET detail = NULL, remote_jid = NULL
          FROM over AS o
         WHERE m.tenant_id = o.tenant_id AND m.campaign_id = o.campaign_id AND m.position = o.position
           AND (m.detail IS NOT NULL OR m.remote_jid IS NOT NULL)),
       hushed AS (
        UPDATE attempts AS a
           SET detail = NULL
          FROM over AS o
         WHERE a.tenant_id = o.tenant_id AND a.campaign_id = o.campaign_id AND a.position = o.position
           AND a.detail IS NOT NULL)
SELECT count(*) FROM emptied;

-- patient --
-- A look through everything takes its time.
SET LOCAL statement_timeout = '5min';

-- list_lids --
SELECT lid FROM known_lids WHERE tenant_id = %(tenant_id)s AND phone = %(phone)s;

-- forget_webhooks --
-- Those that name them and have been read; the whole inbox of the tenant is looked through.
DELETE FROM provider_inbox
 WHERE tenant_id = %(tenant_id)s AND settled_at IS NOT NULL AND body::text LIKE ANY (%(patterns)s::text[]);

-- unread_webhooks --
-- Those that name them and are still to be applied.
SELECT count(*)
  FROM provider_inbox
 WHERE tenant_id = %(tenant_id)s AND settled_at IS NULL AND body::text LIKE ANY (%(patterns)s::text[]);

-- forget_lids --
DELETE FROM known_lids WHERE tenant_id = %(tenant_id)s AND phone = %(phone)s;

-- record --
-- How far it has come: done with nothing left, else looked at again in a minute.
UPDATE erasures
   SET contacts = contacts + %(emptied)s,
       phone = CASE WHEN %(left)s::int > 0 THEN phone END,
       done_at = CASE WHEN %(left)s::int = 0 THEN now() END,
       look_at = now() + interval '1 minute'
 WHERE tenant_id = %(tenant_id)s AND erasure_id = %(erasure_id)s
RETURNING contacts;
