-- campaign_events --
-- Published ones: a socket that comes back later gets a snapshot instead.
DELETE FROM campaign_events
 WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM campaign_events
        WHERE created_at < now() - make_interval(days => %(days)s::int) AND published_at IS NOT NULL
        LIMIT %(limit)s
          FOR UPDATE SKIP LOCKED));

-- provider_inbox --
DELETE FROM provider_inbox
 WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM provider_inbox
        WHERE received_at < now() - make_interval(days => %(days)s::int) AND settled_at IS NOT NULL
        LIMIT %(limit)s
          FOR UPDATE SKIP LOCKED));

-- attempts --
-- Of messages that have their end: a doubt is judged by its attempt.
DELETE FROM attempts
 WHERE ctid = ANY (ARRAY(
       SELECT a.ctid FROM attempts AS a
         JOIN messages AS m USING (tenant_id, campaign_id, position)
         JOIN campaigns AS c USING (tenant_id, campaign_id)
        WHERE a.started_at < now() - make_interval(days => %(days)s::int) AND c.finished_at IS NOT NULL
          AND m.status IN ('sent', 'delivered', 'read', 'failed', 'cancelled', 'skipped')
        LIMIT %(limit)s
          FOR UPDATE OF a SKIP LOCKED));

-- campaign_hours --
DELETE FROM campaign_hours
 WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM campaign_hours
        WHERE hour < now() - make_interval(days => %(days)s::int)
        LIMIT %(limit)s
          FOR UPDATE SKIP LOCKED));

-- refresh_tokens --
-- Past their end; kept a while so that the reuse of a spent one is still seen.
DELETE FROM refresh_tokens
 WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM refresh_tokens
        WHERE expires_at < now() - make_interval(days => %(days)s::int)
        LIMIT %(limit)s
          FOR UPDATE SKIP LOCKED));

-- known_lids --
DELETE FROM known_lids
 WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM known_lids
        WHERE seen_at < now() - make_interval(days => %(days)s::int)
        LIMIT %(limit)s
          FOR UPDATE SKIP LOCKED));

-- texts --
-- The oldest ended campaign that still names people: some of its contacts lose name, phone, columns and
-- text, its messages what the provider said. A campaign that names nobody any more is done with, and
-- nothing of it is sent again.
  WITH campaign AS MATERIALIZED (
        SELECT k.tenant_id, k.campaign_id FROM campaigns AS k
         WHERE k.finished_at < now() - make_interval(days => %(days)s::int) AND k.erased_at IS NULL
           AND NOT EXISTS (SELECT FROM campaign_counters AS n  -- a doubt is decided by its text and phone
                            WHERE n.tenant_id = k.tenant_id AND n.campaign_id = k.campaign_id AND n.in_doubt > 0)
         ORDER BY k.finished_at
         LIMIT 1
           FOR NO KEY UPDATE OF k SKIP LOCKED),
       people AS MATERIALIZED (
        SELECT m.tenant_id, m.campaign_id, m.position
          FROM campaign AS k
          JOIN messages AS m USING (tenant_id, campaign_id)
          JOIN contacts AS c USING (tenant_id, campaign_id, position)
         WHERE (c.name, c.phone) <> ('', '')
         ORDER BY m.position
         LIMIT %(limit)s
           FOR UPDATE OF m),
       erased AS (
        UPDATE contacts AS c SET name = '', phone = '', variables = '{}', body = NULL
          FROM people AS s
         WHERE c.tenant_id = s.tenant_id AND c.campaign_id = s.campaign_id AND c.position = s.position
     RETURNING 1),
       said AS (
        UPDATE messages AS m SET remote_jid = NULL, detail = NULL
          FROM people AS s
         WHERE m.tenant_id = s.tenant_id AND m.campaign_id = s.campaign_id AND m.position = s.position
           AND (m.remote_jid IS NOT NULL OR m.detail IS NOT NULL)),
       done AS (
        UPDATE campaigns AS k SET erased_at = clock_timestamp()
          FROM campaign AS c
         WHERE k.tenant_id = c.tenant_id AND k.campaign_id = c.campaign_id AND NOT EXISTS (SELECT FROM people)
     RETURNING 1)
SELECT (SELECT count(*) FROM erased) + (SELECT count(*) FROM done);

-- due --
-- How much is over its time now, by kind; never counts further than the limit.
SELECT (SELECT count(*) FROM (SELECT FROM campaign_events
         WHERE created_at < now() - make_interval(days => %(campaign_events)s::int) AND published_at IS NOT NULL
         LIMIT %(limit)s) AS x) AS campaign_events,
       (SELECT count(*) FROM (SELECT FROM provider_inbox
         WHERE received_at < now() - make_interval(days => %(provider_inbox)s::int) AND settled_at IS NOT NULL
         LIMIT %(limit)s) AS x) AS provider_inbox,
       (SELECT count(*) FROM (SELECT FROM attempts
         WHERE started_at < now() - make_interval(days => %(attempts)s::int) LIMIT %(limit)s) AS x) AS attempts,
       (SELECT count(*) FROM (SELECT FROM campaign_hours
         WHERE hour < now() - make_interval(days => %(campaign_hours)s::int) LIMIT %(limit)s) AS x) AS campaign_hours,
       (SELECT count(*) FROM (SELECT FROM refresh_tokens
         WHERE expires_at < now() - make_interval(days => %(refresh_tokens)s::int) LIMIT %(limit)s) AS x) AS refresh_tokens,
       (SELECT count(*) FROM (SELECT FROM known_lids
         WHERE seen_at < now() - make_interval(days => %(known_lids)s::int) LIMIT %(limit)s) AS x) AS known_lids,
       (SELECT count(*) FROM (SELECT FROM campaigns
         WHERE finished_at < now() - make_interval(days => %(texts)s::int) AND erased_at IS NULL
         LIMIT %(limit)s) AS x) AS texts;
