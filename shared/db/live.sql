-- live_lanes --
-- The numbers of one campaign: what each has in hand for it and did for it, and whose batch it is in.
  WITH mine AS (
        SELECT m.instance_id,
               count(*) FILTER (WHERE m.status = 'sending')::int AS in_flight,
               count(*) FILTER (WHERE m.status = 'leased')::int AS leased,
               min(m.slot_at) FILTER (WHERE m.status = 'leased') AS next_send_at,
               count(*) FILTER (WHERE m.status IN ('sent', 'delivered', 'read'))::int AS sent,
               count(*) FILTER (WHERE m.sent_at > clock_timestamp() - interval '1 minute')::int AS last_minute
          FROM messages AS m
         WHERE m.tenant_id = %(tenant_id)s AND m.campaign_id = %(campaign_id)s AND m.instance_id IS NOT NULL
         GROUP BY m.instance_id)
SELECT i.name, i.state, i.last_ack_at, i.paused_at,
       l.breaker_state, l.errors_in_a_row, l.times_opened, l.opened_at, l.open_until, l.rest_reason,
       coalesce(x.in_flight, 0) AS in_flight, coalesce(x.leased, 0) AS leased, x.next_send_at,
       coalesce(x.sent, 0) AS sent, coalesce(x.last_minute, 0) AS last_minute,
       coalesce(l.lease_until > clock_timestamp(), false) AS in_a_batch
  FROM campaign_instances AS ci
  JOIN instances AS i USING (tenant_id, instance_id)
  JOIN lanes AS l USING (tenant_id, instance_id)
  LEFT JOIN mine AS x USING (instance_id)
 WHERE ci.tenant_id = %(tenant_id)s AND ci.campaign_id = %(campaign_id)s
 ORDER BY i.instance_id;

-- live_stages --
-- How many messages are at, or have passed, each step: one pass over one campaign.
SELECT count(*) FILTER (WHERE m.status = 'pending')::int AS queued,
       count(*) FILTER (WHERE m.status = 'leased')::int AS leased,
       count(*) FILTER (WHERE m.status = 'sending')::int AS sending,
       count(*) FILTER (WHERE m.acked_at IS NOT NULL)::int AS acked,
       min(m.due_at) FILTER (WHERE m.status = 'pending' AND m.due_at < 'infinity') AS next_due_at
  FROM messages AS m
 WHERE m.tenant_id = %(tenant_id)s AND m.campaign_id = %(campaign_id)s;

-- live_curve --
-- What left in each stretch of time, empty stretches left out.
SELECT to_timestamp(floor(extract(epoch FROM m.sent_at) / %(bucket)s) * %(bucket)s) AS at, count(*)::int AS sent
  FROM messages AS m
 WHERE m.tenant_id = %(tenant_id)s AND m.campaign_id = %(campaign_id)s AND m.sent_at IS NOT NULL
   AND m.status IN ('sent', 'delivered', 'read')
 GROUP BY 1
 ORDER BY 1;
