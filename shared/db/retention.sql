-- claim_ended --
-- Ended campaigns that are to be looked at. The lock keeps out whoever would start them again meanwhile.
SELECT k.tenant_id, k.campaign_id, k.people_emptied, n.total,
       extract(epoch FROM now() - k.finished_at)::double precision AS age_seconds,
       n.in_doubt > 0 OR n.processed < n.total AS held
  FROM campaigns AS k
  JOIN campaign_counters AS n USING (campaign_id, tenant_id)
 WHERE k.finished_at IS NOT NULL AND k.retention_at < 'infinity' AND k.retention_at <= now()
 ORDER BY k.retention_at, k.campaign_id
 LIMIT %(limit)s
   FOR NO KEY UPDATE OF k SKIP LOCKED;

-- remove_events --
-- What a socket can no longer ask for. Never what nobody was told yet.
DELETE FROM campaign_events
 WHERE ctid = ANY (ARRAY(
       SELECT e.ctid
         FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[]) AS k(tenant_id, campaign_id)
         JOIN campaign_events AS e USING (tenant_id, campaign_id)
        WHERE e.published_at IS NOT NULL AND e.created_at <= now() - make_interval(days => %(days)s::int)
        LIMIT %(limit)s));

-- remove_model_texts --
DELETE FROM message_texts
 WHERE ctid = ANY (ARRAY(
       SELECT t.ctid
         FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[]) AS k(tenant_id, campaign_id)
         JOIN message_texts AS t USING (tenant_id, campaign_id)
        LIMIT %(limit)s));

-- remove_hours --
DELETE FROM campaign_hours
 WHERE ctid = ANY (ARRAY(
       SELECT h.ctid
         FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[]) AS k(tenant_id, campaign_id)
         JOIN campaign_hours AS h USING (tenant_id, campaign_id)
        LIMIT %(limit)s));

-- remove_attempts --
DELETE FROM attempts
 WHERE ctid = ANY (ARRAY(
       SELECT a.ctid
         FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[]) AS k(tenant_id, campaign_id)
         JOIN attempts AS a USING (tenant_id, campaign_id)
        LIMIT %(limit)s));

-- empty_contacts --
-- Who they were goes, by ranges of positions; that they were there stays.
UPDATE contacts AS c
   SET name = '', phone = '', variables = '{}', body = NULL, emptied_at = now()
  FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(firsts)s::int[], %(ends)s::int[])
       AS r(tenant_id, campaign_id, first, past)
 WHERE c.tenant_id = r.tenant_id AND c.campaign_id = r.campaign_id
   AND c.position >= r.first AND c.position < r.past AND c.emptied_at IS NULL;

-- empty_messages --
-- The provider's words may quote a phone, and its address is one. Its id of the message stays.
UPDATE messages AS m
   SET detail = NULL, remote_jid = NULL
  FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(firsts)s::int[], %(ends)s::int[])
       AS r(tenant_id, campaign_id, first, past)
 WHERE m.tenant_id = r.tenant_id AND m.campaign_id = r.campaign_id
   AND m.position >= r.first AND m.position < r.past
   AND (m.detail IS NOT NULL OR m.remote_jid IS NOT NULL);

-- put_off --
-- NULL: every kind's time is over. Events may have come after the end; they have their own days.
UPDATE campaigns AS k
   SET people_emptied = s.emptied,
       retention_at = CASE WHEN s.in_seconds IS NOT NULL THEN now() + make_interval(secs => s.in_seconds)
                           WHEN EXISTS (SELECT FROM campaign_events AS e
                                         WHERE e.tenant_id = s.tenant_id AND e.campaign_id = s.campaign_id)
                           THEN now() + interval '1 day'
                           ELSE 'infinity' END
  FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(emptied)s::int[],
              %(in_seconds)s::double precision[])
       AS s(tenant_id, campaign_id, emptied, in_seconds)
 WHERE k.tenant_id = s.tenant_id AND k.campaign_id = s.campaign_id;

-- remove_webhooks --
DELETE FROM provider_inbox
 WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM provider_inbox
        WHERE settled_at IS NOT NULL AND settled_at <= now() - make_interval(days => %(days)s::int)
        ORDER BY settled_at
        LIMIT %(limit)s));

-- remove_refresh_tokens --
DELETE FROM refresh_tokens
 WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM refresh_tokens
        WHERE expires_at <= now() - make_interval(days => %(days)s::int)
        ORDER BY expires_at
        LIMIT %(limit)s));

-- remove_idempotency_keys --
DELETE FROM idempotency_keys
 WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM idempotency_keys
        WHERE created_at <= now() - interval '24 hours'
        ORDER BY created_at
        LIMIT %(limit)s));

-- remove_lids --
-- The oldest pairs. An opt-out may come under the hidden id alone, so a pair stays, and counts as seen,
-- while some list still has the phone.
  WITH old AS MATERIALIZED (
        SELECT l.tenant_id, l.lid,
               EXISTS (SELECT FROM contacts AS c
                        WHERE c.tenant_id = l.tenant_id AND c.phone = l.phone AND c.body IS NOT NULL) AS wanted
          FROM known_lids AS l
         WHERE l.seen_at <= now() - make_interval(days => %(days)s::int)
         ORDER BY l.seen_at
         LIMIT %(limit)s
           FOR UPDATE SKIP LOCKED),
       kept AS (
        UPDATE known_lids AS l SET seen_at = now()
          FROM old AS o
         WHERE o.wanted AND l.tenant_id = o.tenant_id AND l.lid = o.lid)
DELETE FROM known_lids AS l
 USING old AS o
 WHERE NOT o.wanted AND l.tenant_id = o.tenant_id AND l.lid = o.lid;

-- tally --
INSERT INTO engine_tallies AS t (name, label, count)
SELECT 'retention', kind, removed
  FROM unnest(%(kinds)s::text[], %(counts)s::bigint[]) AS r(kind, removed)
 ORDER BY kind
    ON CONFLICT (name, label) DO UPDATE SET count = t.count + excluded.count;

-- tallies --
SELECT label, count FROM engine_tallies WHERE name = 'retention';

-- waiting --
-- What is ready to go now, counted up to a bound, and the campaigns that wait.
SELECT (SELECT count(*) FROM (SELECT FROM provider_inbox
         WHERE settled_at IS NOT NULL AND settled_at <= now() - make_interval(days => %(inbox_days)s::int)
         LIMIT %(bound)s) AS w)::int AS webhooks,
       (SELECT count(*) FROM (SELECT FROM refresh_tokens
         WHERE expires_at <= now() - make_interval(days => %(refresh_tokens_days)s::int)
         LIMIT %(bound)s) AS r)::int AS refresh_tokens,
       (SELECT count(*) FROM (SELECT FROM idempotency_keys
         WHERE created_at <= now() - interval '24 hours'
         LIMIT %(bound)s) AS i)::int AS idempotency_keys,
       (SELECT count(*) FROM (SELECT FROM known_lids
         WHERE seen_at <= now() - make_interval(days => %(lids_days)s::int)
         LIMIT %(bound)s) AS l)::int AS lids,
       (SELECT count(*) FROM (SELECT FROM campaigns
         WHERE finished_at IS NOT NULL AND retention_at < 'infinity' AND retention_at <= now()
         LIMIT %(bound)s) AS k)::int AS campaigns_due,
       (SELECT count(*) FROM (SELECT FROM campaigns AS k
          JOIN campaign_counters AS n USING (campaign_id, tenant_id)
         WHERE k.finished_at IS NOT NULL AND k.retention_at < 'infinity' AND n.in_doubt > 0
           AND k.finished_at <= now() - make_interval(days => %(people_days)s::int)
         LIMIT %(bound)s) AS h)::int AS campaigns_held;
