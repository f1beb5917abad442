-- server --
SELECT current_setting('server_version') AS version,
       abs(extract(epoch FROM clock_timestamp()) - %(now)s)::double precision AS clock_skew_seconds,
       current_setting('max_connections')::int AS max_connections;

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

-- recent_campaigns --
SELECT c.tenant_id, c.campaign_id, c.public_id, k.total, k.sent, k.failed, k.in_doubt, k.cancelled, k.skipped
  FROM campaigns AS c JOIN campaign_counters AS k USING (tenant_id, campaign_id)
 ORDER BY c.campaign_id DESC
 LIMIT %(limit)s;
