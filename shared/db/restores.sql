-- note --
-- What the rows say is true of `taken_at`; from now on it is known that later is missing.
INSERT INTO restores (taken_at) VALUES (%(taken_at)s);

-- remember_campaigns --
-- What is not over and is ours to send, as it was. A second restore knows the first one's.
INSERT INTO restored_campaigns AS r (tenant_id, campaign_id, restore_id, status_before, pause_before)
SELECT c.tenant_id, c.campaign_id, (SELECT max(restore_id) FROM restores), c.status, c.pause_reason
  FROM campaigns AS c
 WHERE c.executor = 'engine' AND c.status IN ('scheduled', 'pending', 'running', 'paused')
    ON CONFLICT (campaign_id, tenant_id) DO UPDATE
   SET restore_id = excluded.restore_id, released_at = NULL, proven = 0, written_to = 0,
       status_before = CASE WHEN excluded.pause_before = 'restored' THEN r.status_before
                            ELSE excluded.status_before END,
       pause_before = CASE WHEN excluded.pause_before = 'restored' THEN r.pause_before
                           ELSE excluded.pause_before END;

-- hold_campaigns --
UPDATE campaigns
   SET status = 'paused', pause_reason = 'restored'
 WHERE executor = 'engine' AND status IN ('scheduled', 'pending', 'running', 'paused');

-- hold_pace --
UPDATE campaign_pace AS p
   SET waiting_reason = 'restored'
  FROM campaigns AS c
 WHERE c.tenant_id = p.tenant_id AND c.campaign_id = p.campaign_id AND c.pause_reason = 'restored';

-- drop_leases --
-- Tasks of the old time name these leases: none of them may begin a message here. An attempt that was
-- open keeps its own, so a worker that still holds the answer can write it down.
UPDATE messages
   SET status = 'pending', lease_id = NULL, lease_until = NULL, slot_at = NULL
 WHERE status = 'leased';

-- free_lanes --
UPDATE lanes SET lease_id = NULL, lease_until = NULL, loaded_at = NULL WHERE lease_id IS NOT NULL;

-- hold_doubts --
-- What a policy sent again since is not known here, so no policy may do it once more.
UPDATE campaigns AS c
   SET doubt_policy = 'hold'
  FROM campaign_counters AS n
 WHERE n.tenant_id = c.tenant_id AND n.campaign_id = c.campaign_id AND c.doubt_policy = 'resend_once'
   AND (n.in_doubt > 0 OR n.processed < n.total);

-- ask_instances --
UPDATE instances SET checked_at = '-infinity' WHERE deleted_at IS NULL;

-- end_sessions --
-- A sign-in that ended since would be alive again.
DELETE FROM refresh_tokens;

-- end_tokens --
UPDATE users SET session_epoch = session_epoch + 1;

-- audit --
INSERT INTO audit_log (tenant_id, actor, action, subject, detail)
SELECT tenant_id, 'command', 'database_restored', 'database',
       jsonb_build_object('taken_at', to_char(%(taken_at)s::timestamptz AT TIME ZONE 'UTC',
                                              'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                          'doubt_policy', 'resend_once became hold')
  FROM tenants
 ORDER BY tenant_id;

-- skip_numbers --
-- As the owner. Numbers given since the backup are out in the world: they must not name something else.
SELECT setval(format('public.%%I', s.sequencename)::regclass, coalesce(s.last_value, 0) + 100000)
  FROM pg_sequences AS s
 WHERE s.schemaname = 'public'
   AND s.sequencename ~ '^(campaigns|instances|users|tenants|api_keys)_';

-- current --
-- The restore that is still being looked at: the newest one with something held.
SELECT r.restore_id, r.taken_at, r.marked_at, r.reviewed_at, r.opened_at,
       extract(epoch FROM clock_timestamp() - r.marked_at)::double precision AS age_seconds,
       (SELECT count(*) FROM campaigns WHERE pause_reason = 'restored' AND status = 'paused')::int AS held
  FROM restores AS r
 WHERE r.opened_at IS NULL
    OR EXISTS (SELECT FROM campaigns WHERE pause_reason = 'restored' AND status = 'paused')
 ORDER BY r.restore_id DESC
 LIMIT 1;

-- instances --
-- Every number that may have sent since, and a message it certainly sent before: the provider's search
-- must show that one, or what it does not show means nothing.
SELECT i.tenant_id, i.instance_id, i.public_id, i.name, i.token,
       k.provider_id AS known_id, k.remote_jid AS known_jid, k.sent_at AS known_at
  FROM instances AS i
  LEFT JOIN LATERAL (
       SELECT m.provider_id, m.remote_jid, m.sent_at
         FROM campaign_instances AS ci
         JOIN messages AS m USING (tenant_id, campaign_id)
        WHERE ci.tenant_id = i.tenant_id AND ci.instance_id = i.instance_id AND m.instance_id = i.instance_id
          AND m.provider_id IS NOT NULL AND m.remote_jid IS NOT NULL AND m.sent_at IS NOT NULL
        ORDER BY m.campaign_id DESC, m.sent_at DESC
        LIMIT 1) AS k ON true
 WHERE i.deleted_at IS NULL
 ORDER BY i.tenant_id, i.instance_id;

-- candidates --
-- Messages that may have gone out since: open ones of held campaigns, and whatever is in doubt. A text
-- the model had not written yet is not known.
SELECT m.tenant_id, m.campaign_id, m.position, c.phone, c.body,
       k.image_url IS NOT NULL AS has_image,
       EXISTS (SELECT FROM message_texts AS x
                WHERE x.tenant_id = m.tenant_id AND x.campaign_id = m.campaign_id AND x.position = m.position
                  AND x.outcome IS NULL) AS unwritten
  FROM messages AS m
  JOIN campaigns AS k USING (tenant_id, campaign_id)
  JOIN contacts AS c USING (tenant_id, campaign_id, position)
 WHERE m.tenant_id = %(tenant_id)s AND k.executor = 'engine'
   AND ((k.pause_reason = 'restored' AND m.status IN ('pending', 'sending')) OR m.status = 'in_doubt')
 ORDER BY m.campaign_id, m.position;

-- begin --
-- pending, sending -> in doubt, within the transaction that settles it as sent: what went out after the
-- backup gets its attempt now. `moved`: it was not counted as a doubt yet.
  WITH found AS MATERIALIZED (
        SELECT * FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(positions)s::int[],
                             %(instance_ids)s::bigint[], %(ats)s::timestamptz[])
               AS f(tenant_id, campaign_id, position, instance_id, at)),
       mine AS MATERIALIZED (
        SELECT f.*, m.status AS before
          FROM found AS f
          JOIN messages AS m ON m.tenant_id = f.tenant_id AND m.campaign_id = f.campaign_id
               AND m.position = f.position
         WHERE m.status IN ('pending', 'sending', 'in_doubt')
         ORDER BY m.campaign_id, m.position
           FOR UPDATE OF m),
       begun AS (
        UPDATE messages AS m
           SET status = 'in_doubt', reason = 'outcome_unknown', lease_id = NULL, lease_until = NULL,
               attempts = m.attempts + (n.before = 'pending')::int, instance_id = n.instance_id
          FROM mine AS n
         WHERE m.tenant_id = n.tenant_id AND m.campaign_id = n.campaign_id AND m.position = n.position
     RETURNING m.tenant_id, m.campaign_id, m.position, m.attempts, m.instance_id, n.before, n.at),
       logged AS (
        INSERT INTO attempts (tenant_id, campaign_id, position, number, instance_id, lease_id, started_at)
        SELECT tenant_id, campaign_id, position, attempts, instance_id, gen_random_uuid(), at
          FROM begun WHERE before = 'pending'),
       written AS (  -- the text is known by now: nobody writes another
        DELETE FROM message_texts AS x USING begun AS b
         WHERE x.tenant_id = b.tenant_id AND x.campaign_id = b.campaign_id AND x.position = b.position
           AND x.outcome IS NULL
     RETURNING x.tenant_id, x.campaign_id),
       counted AS (
        UPDATE campaign_texts AS t
           SET waiting = t.waiting - w.count
          FROM (SELECT tenant_id, campaign_id, count(*) FROM written GROUP BY tenant_id, campaign_id) AS w
         WHERE t.tenant_id = w.tenant_id AND t.campaign_id = w.campaign_id)
SELECT position, attempts AS attempt, before <> 'in_doubt' AS moved
  FROM begun
 ORDER BY position;

-- date --
-- When the provider says they went, and with which words where we did not know them.
  WITH found AS (
        SELECT * FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(positions)s::int[],
                             %(ats)s::timestamptz[], %(texts)s::text[])
               AS f(tenant_id, campaign_id, position, at, text)),
       worded AS (
        UPDATE contacts AS c SET body = f.text
          FROM found AS f
         WHERE c.tenant_id = f.tenant_id AND c.campaign_id = f.campaign_id AND c.position = f.position
           AND f.text <> '' AND c.body IS DISTINCT FROM f.text)
UPDATE messages AS m SET sent_at = f.at
  FROM found AS f
 WHERE m.tenant_id = f.tenant_id AND m.campaign_id = f.campaign_id AND m.position = f.position
   AND m.status IN ('sent', 'delivered', 'read');

-- note_proven --
UPDATE restored_campaigns
   SET proven = proven + %(proven)s, written_to = %(written_to)s
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s;

-- note_review --
UPDATE restores SET reviewed_at = clock_timestamp() WHERE restore_id = %(restore_id)s;

-- open --
UPDATE restores SET opened_at = clock_timestamp() WHERE opened_at IS NULL;

-- held --
-- Held campaigns and what nobody can prove of each, newest first.
SELECT r.tenant_id, t.name AS tenant, r.campaign_id, c.public_id, c.name, r.status_before, r.pause_before,
       n.total, n.sent, r.proven, r.written_to,
       (SELECT count(*) FROM messages AS m
         WHERE m.tenant_id = r.tenant_id AND m.campaign_id = r.campaign_id
           AND m.status = 'pending')::int AS unproven,
       (SELECT count(*) FROM messages AS m
         WHERE m.tenant_id = r.tenant_id AND m.campaign_id = r.campaign_id
           AND m.status IN ('sending', 'in_doubt'))::int AS in_doubt,
       ARRAY(SELECT ci.instance_id FROM campaign_instances AS ci
              WHERE ci.tenant_id = r.tenant_id AND ci.campaign_id = r.campaign_id
              ORDER BY ci.instance_id) AS instance_ids
  FROM restored_campaigns AS r
  JOIN campaigns AS c USING (tenant_id, campaign_id)
  JOIN campaign_counters AS n USING (tenant_id, campaign_id)
  JOIN tenants AS t USING (tenant_id)
 WHERE c.status = 'paused' AND c.pause_reason = 'restored'
 ORDER BY r.campaign_id DESC;

-- begin_unproven --
-- pending -> in doubt, to be given up in the same transaction.
  WITH mine AS MATERIALIZED (
        SELECT tenant_id, campaign_id, position FROM messages
         WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND status = 'pending'
         ORDER BY position
         LIMIT %(limit)s
           FOR UPDATE)
UPDATE messages AS m
   SET status = 'in_doubt', reason = 'outcome_unknown'
  FROM mine AS n
 WHERE m.tenant_id = n.tenant_id AND m.campaign_id = n.campaign_id AND m.position = n.position
RETURNING m.position, m.attempts;

-- count_doubts --
  WITH counted AS (
        UPDATE campaign_counters SET in_doubt = in_doubt + %(count)s, attempts = attempts + %(attempts)s
         WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s
     RETURNING tenant_id)
UPDATE tenant_totals AS x SET in_doubt = x.in_doubt + %(count)s
  FROM counted AS c
 WHERE x.tenant_id = c.tenant_id;

-- drop_texts --
  WITH dropped AS (
        DELETE FROM message_texts
         WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND outcome IS NULL)
UPDATE campaign_texts SET waiting = 0
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s;

-- release --
-- As it was in the backup: paused by a person stays paused, the rest goes back into the queue.
UPDATE campaigns AS c
   SET status = CASE WHEN r.status_before = 'paused' THEN 'paused'
                     WHEN c.scheduled_at > now() AND c.started_at IS NULL THEN 'scheduled'
                     ELSE 'pending' END,
       pause_reason = CASE WHEN r.status_before = 'paused' THEN r.pause_before END,
       doubts_seen_at = now()
  FROM restored_campaigns AS r
 WHERE r.tenant_id = c.tenant_id AND r.campaign_id = c.campaign_id
   AND c.tenant_id = %(tenant_id)s AND c.campaign_id = %(campaign_id)s
   AND c.status = 'paused' AND c.pause_reason = 'restored'
RETURNING c.status;

-- note_released --
UPDATE restored_campaigns SET released_at = clock_timestamp()
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s;

-- release_pace --
UPDATE campaign_pace AS p
   SET waiting_reason = CASE c.status WHEN 'paused' THEN coalesce(c.pause_reason, 'paused')
                                      WHEN 'scheduled' THEN 'scheduled' END,
       next_slot_at = greatest(p.next_slot_at, now()),
       next_due_at = CASE c.status WHEN 'scheduled' THEN c.scheduled_at ELSE now() END
  FROM campaigns AS c
 WHERE p.tenant_id = %(tenant_id)s AND p.campaign_id = %(campaign_id)s
   AND c.tenant_id = p.tenant_id AND c.campaign_id = p.campaign_id;
