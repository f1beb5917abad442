-- hours --
-- Sends of one campaign by hour of the day in the tenant's time zone.
SELECT extract(hour FROM h.hour AT TIME ZONE t.time_zone)::int AS hour,
       sum(h.sent)::int AS sent, sum(h.failed)::int AS failed
  FROM campaign_hours AS h
  JOIN tenants AS t USING (tenant_id)
 WHERE h.tenant_id = %(tenant_id)s AND h.campaign_id = %(campaign_id)s
 GROUP BY 1
 ORDER BY 1;

-- summary --
-- One row of totals, and the few campaigns that run.
SELECT coalesce(x.campaigns, 0) AS total_campaigns, coalesce(x.completed, 0) AS completed_campaigns,
       (SELECT count(*) FROM campaigns AS k
         WHERE k.tenant_id = t.tenant_id AND k.status = 'running') AS running_campaigns,
       coalesce(round(x.rate_sum / nullif(x.rated, 0), 2), 0)::double precision AS avg_success_rate,
       coalesce(x.sent, 0) AS total_sent, coalesce(x.failed, 0) AS total_errors,
       coalesce(x.in_doubt, 0) AS total_in_doubt
  FROM tenants AS t
  LEFT JOIN tenant_totals AS x USING (tenant_id)
 WHERE t.tenant_id = %(tenant_id)s;

-- daily --
-- The last 30 days in the tenant's time zone, days without sends too.
SELECT d.day::date AS day, coalesce(u.sent, 0) AS sent, coalesce(u.failed, 0) AS failed
  FROM tenants AS t
 CROSS JOIN LATERAL generate_series((now() AT TIME ZONE t.time_zone)::date - 29,
                                    (now() AT TIME ZONE t.time_zone)::date, interval '1 day') AS d(day)
  LEFT JOIN usage_daily AS u ON u.tenant_id = t.tenant_id AND u.day = d.day::date
 WHERE t.tenant_id = %(tenant_id)s
 ORDER BY d.day;
