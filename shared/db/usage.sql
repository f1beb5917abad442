-- usage --
-- What a tenant has used of its plan: rollups and small counts, no messages.
SELECT (SELECT count(*) FROM campaigns AS k
         WHERE k.tenant_id = t.tenant_id AND k.user_id = %(user_id)s AND k.status = 'running'
           AND k.executor = 'engine')::int AS running_campaigns,
       (SELECT count(*) FROM campaigns AS k
         WHERE k.tenant_id = t.tenant_id AND k.user_id = %(user_id)s AND k.status = 'pending'
           AND k.executor = 'engine')::int AS waiting_campaigns,
       (SELECT count(*) FROM instances AS i
         WHERE i.tenant_id = t.tenant_id AND i.deleted_at IS NULL)::int AS instances,
       (SELECT count(*) FROM instances AS i
         WHERE i.tenant_id = t.tenant_id AND i.deleted_at IS NULL AND i.state = 'open')::int
         AS connected_instances,
       d.sent_today, d.failed_today, d.sent_30_days, d.failed_30_days, t.time_zone
  FROM tenants AS t
 CROSS JOIN LATERAL (SELECT (now() AT TIME ZONE t.time_zone)::date AS day) AS today
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(u.sent) FILTER (WHERE u.day = today.day), 0)::int AS sent_today,
              coalesce(sum(u.failed) FILTER (WHERE u.day = today.day), 0)::int AS failed_today,
              coalesce(sum(u.sent), 0)::int AS sent_30_days, coalesce(sum(u.failed), 0)::int AS failed_30_days
         FROM usage_daily AS u
        WHERE u.tenant_id = t.tenant_id AND u.day > today.day - 30) AS d
 WHERE t.tenant_id = %(tenant_id)s;
