-- lock_campaigns --
-- Before their messages, as everybody locks them: keeps out whoever would put one of them back into the queue.
SELECT k.campaign_id
  FROM campaigns AS k
 WHERE k.tenant_id = %(tenant_id)s
   AND k.campaign_id IN (SELECT c.campaign_id FROM contacts AS c
                          WHERE c.tenant_id = %(tenant_id)s AND c.phone = ANY(%(phones)s::text[]))
 ORDER BY k.campaign_id
   FOR SHARE;

-- suppress --
-- The number alone stays, so that nobody writes to it again.
INSERT INTO suppressions (tenant_id, phone, reason)
VALUES (%(tenant_id)s, %(phone)s, 'erased')
    ON CONFLICT (tenant_id, phone) DO UPDATE SET reason = excluded.reason;

-- take --
-- pending, leased -> leased by us, to be settled as suppressed in this transaction: a worker that holds
-- one finds its lease gone.
  WITH mine AS MATERIALIZED (
        SELECT m.tenant_id, m.campaign_id, m.position
          FROM contacts AS c
          JOIN messages AS m USING (tenant_id, campaign_id, position)
         WHERE c.tenant_id = %(tenant_id)s AND c.phone = ANY(%(phones)s::text[])
           AND m.status IN ('pending', 'leased')
         ORDER BY m.campaign_id, m.position
           FOR UPDATE OF m),
       texts AS (
        DELETE FROM message_texts AS x USING mine AS n
         WHERE x.tenant_id = n.tenant_id AND x.campaign_id = n.campaign_id AND x.position = n.position
           AND x.outcome IS NULL
     RETURNING x.tenant_id, x.campaign_id),
       counted AS (
        UPDATE campaign_texts AS t SET waiting = t.waiting - w.count
          FROM (SELECT tenant_id, campaign_id, count(*) FROM texts GROUP BY tenant_id, campaign_id) AS w
         WHERE t.tenant_id = w.tenant_id AND t.campaign_id = w.campaign_id)
UPDATE messages AS m
   SET status = 'leased', lease_id = %(lease_id)s, lease_until = clock_timestamp() + interval '1 minute'
  FROM mine AS n
 WHERE m.tenant_id = n.tenant_id AND m.campaign_id = n.campaign_id AND m.position = n.position
RETURNING m.tenant_id, m.campaign_id, m.position, m.lease_id, m.attempts AS attempt;

-- erase --
-- Who it was, what was written and what the provider said; not of what is under way this moment.
  WITH mine AS MATERIALIZED (
        SELECT m.tenant_id, m.campaign_id, m.position, m.remote_jid
          FROM contacts AS c
          JOIN messages AS m USING (tenant_id, campaign_id, position)
         WHERE c.tenant_id = %(tenant_id)s AND c.phone = ANY(%(phones)s::text[]) AND m.status <> 'sending'
         ORDER BY m.campaign_id, m.position
           FOR UPDATE OF m),
       contact AS (
        UPDATE contacts AS c SET name = '', phone = '', variables = '{}', body = NULL
          FROM mine AS n
         WHERE c.tenant_id = n.tenant_id AND c.campaign_id = n.campaign_id AND c.position = n.position),
       attempt AS (
        UPDATE attempts AS a SET detail = NULL
          FROM mine AS n
         WHERE a.tenant_id = n.tenant_id AND a.campaign_id = n.campaign_id AND a.position = n.position),
       watched AS (
        DELETE FROM open_sends AS o USING mine AS n
         WHERE o.tenant_id = n.tenant_id AND o.campaign_id = n.campaign_id AND o.position = n.position)
UPDATE messages AS m SET remote_jid = NULL, detail = NULL
  FROM mine AS n
 WHERE m.tenant_id = n.tenant_id AND m.campaign_id = n.campaign_id AND m.position = n.position
RETURNING n.remote_jid;

-- under_way --
SELECT count(*)
  FROM contacts AS c
  JOIN messages AS m USING (tenant_id, campaign_id, position)
 WHERE c.tenant_id = %(tenant_id)s AND c.phone = ANY(%(phones)s::text[]) AND m.status = 'sending';

-- forget_lids --
DELETE FROM known_lids WHERE tenant_id = %(tenant_id)s AND phone = ANY(%(phones)s::text[])
RETURNING lid;

-- forget_webhooks --
DELETE FROM provider_inbox
 WHERE tenant_id = %(tenant_id)s AND body::text LIKE ANY (%(patterns)s::text[]);

-- forget_answers --
DELETE FROM idempotency_keys
 WHERE tenant_id = %(tenant_id)s AND answer::text LIKE ANY (%(patterns)s::text[]);
