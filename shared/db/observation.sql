-- take_duty --
-- Keep a duty, or take one that has lapsed; no row back means that somebody else has it.
INSERT INTO duties AS d (duty, holder, held_until)
VALUES (%(duty)s, %(holder)s, clock_timestamp() + make_interval(secs => %(seconds)s))
    ON CONFLICT (duty) DO UPDATE
   SET holder = excluded.holder, held_until = excluded.held_until
 WHERE d.holder = excluded.holder OR d.held_until < clock_timestamp()
RETURNING d.duty;

-- add_tally --
INSERT INTO engine_tallies AS t (name, label, count)
VALUES (%(name)s, %(label)s, 1)
    ON CONFLICT (name, label) DO UPDATE SET count = t.count + 1;

-- tallies --
SELECT name, label, count FROM engine_tallies ORDER BY name, label;

-- messages --
-- Messages by status, in one moment: what is open from live campaigns, what has ended from totals that
-- move with each verdict. Messages themselves are read only where they are leased or in flight.
  WITH live AS (
        SELECT coalesce(sum(k.total - k.processed), 0)::bigint AS open
          FROM campaign_pace AS p JOIN campaign_counters AS k USING (campaign_id, tenant_id)),
       held AS (
        SELECT count(*) FILTER (WHERE status = 'leased') AS leased,
               count(*) FILTER (WHERE status = 'sending') AS sending,
               coalesce(extract(epoch FROM clock_timestamp()
                          - min(slot_at) FILTER (WHERE status = 'leased')), 0)::double precision AS late_seconds
          FROM messages
         WHERE status IN ('leased', 'sending')),
       ended AS (
        SELECT coalesce(sum(sent), 0)::bigint AS sent, coalesce(sum(failed), 0)::bigint AS failed,
               coalesce(sum(in_doubt), 0)::bigint AS in_doubt, coalesce(sum(completed), 0)::bigint AS completed
          FROM tenant_totals)
SELECT greatest(l.open - h.leased - h.sending, 0) AS pending, h.leased, h.sending, greatest(h.late_seconds, 0) AS late_seconds,
       e.sent, e.failed, e.in_doubt, e.completed
  FROM live AS l, held AS h, ended AS e;

-- live_campaigns --
SELECT c.status, count(*)
  FROM campaign_pace AS p JOIN campaigns AS c USING (campaign_id, tenant_id)
 GROUP BY c.status;

-- waiting_campaigns --
SELECT waiting_reason, count(*) FROM campaign_pace WHERE waiting_reason IS NOT NULL GROUP BY waiting_reason;

-- backlog --
-- Seconds that a message that may go now has waited for dispatch (its campaign runs, its slot has come,
-- no reason holds it back), that the oldest unpublished event and the oldest unread
-- webhook have waited; texts that wait for the language model, lanes in a batch, connections of the server.
SELECT (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - w.since)), 0)
          FROM (SELECT p.campaign_id, greatest(p.next_due_at, p.next_slot_at) AS since
                  FROM campaign_pace AS p JOIN campaigns AS c USING (campaign_id, tenant_id)
                 WHERE c.status = 'running' AND p.waiting_reason IS NULL
                   AND p.next_due_at < clock_timestamp()) AS w
         WHERE w.since < clock_timestamp()
           AND EXISTS (SELECT FROM messages AS m
                        WHERE m.campaign_id = w.campaign_id AND m.status = 'pending'
                          AND m.due_at <= clock_timestamp()))::double precision AS dispatch_lag_seconds,
       coalesce(extract(epoch FROM clock_timestamp()
         - (SELECT min(created_at) FROM campaign_events WHERE published_at IS NULL)), 0)::double precision
         AS oldest_event_seconds,
       coalesce(extract(epoch FROM clock_timestamp()
         - (SELECT min(due_at) FROM provider_inbox WHERE settled_at IS NULL AND due_at <= clock_timestamp())),
         0)::double precision AS oldest_webhook_seconds,
       (SELECT coalesce(sum(waiting), 0) FROM campaign_texts WHERE waiting > 0)::bigint AS texts_waiting,
       (SELECT count(*) FROM lanes WHERE lease_id IS NOT NULL) AS lanes_leased,
       (SELECT sum(numbackends) FROM pg_stat_database)::int AS connections,
       current_setting('max_connections')::int AS max_connections,
       pg_database_size(current_database()) AS database_bytes;
