-- server --
SELECT current_setting('server_version') AS version,
       abs(extract(epoch FROM clock_timestamp()) - %(now)s)::double precision AS clock_skew_seconds,
       current_setting('max_connections')::int AS max_connections,
       (SELECT sum(numbackends) FROM pg_stat_database)::int AS connections;

-- backlog --
-- Work that should have moved by now: seconds the oldest due message has waited on a usable lane,
-- lapsed leases, unpublished events and unread webhooks.
SELECT (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - p.next_due_at)), 0)
          FROM campaign_pace AS p JOIN campaigns AS c USING (tenant_id, campaign_id)
         WHERE c.status = 'running' AND p.waiting_reason IS NULL)::double precision AS oldest_due_seconds,
       (SELECT count(*) FROM messages
         WHERE status IN ('leased', 'sending')
           AND lease_until < clock_timestamp() - interval '30 s')::int AS lapsed,
       (SELECT count(*) FROM campaign_events
         WHERE published_at IS NULL AND created_at < now() - interval '30 s')::int AS unpublished,
       (SELECT count(*) FROM provider_inbox
         WHERE settled_at IS NULL AND tries = 0 AND due_at < now() - interval '30 s')::int AS unread,
       (SELECT count(*) FROM messages WHERE status = 'in_doubt')::int AS in_doubt;

-- engine_processes --
-- Processes of the engine that hold a connection, whether they do anything or not.
SELECT DISTINCT application_name
  FROM pg_stat_activity
 WHERE datname = current_database() AND application_name LIKE %(pattern)s;

-- unbalanced --
-- Of the newest campaigns, those whose counters and rows do not say the same.
SELECT b.public_id
  FROM (SELECT campaign_id FROM campaigns ORDER BY campaign_id DESC LIMIT %(limit)s) AS newest
 CROSS JOIN LATERAL conservation(newest.campaign_id) AS b
 WHERE NOT b.balanced
 ORDER BY b.campaign_id DESC;
