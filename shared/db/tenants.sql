-- insert_tenant --
INSERT INTO tenants (name) VALUES (%(name)s)
RETURNING tenant_id, name, time_zone, created_at;

-- insert_plan --
INSERT INTO plans (tenant_id) VALUES (%(tenant_id)s) ON CONFLICT DO NOTHING;

-- find_tenant --
SELECT tenant_id, name, time_zone, created_at
  FROM tenants
 WHERE lower(name) = lower(%(name)s) OR tenant_id::text = %(name)s
 ORDER BY lower(name) = lower(%(name)s) DESC
 LIMIT 1;

-- list_tenants --
SELECT tenant_id, name, time_zone, created_at FROM tenants ORDER BY tenant_id;

-- is_time_zone --
SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = %(name)s);

-- set_tenant --
-- Only what is named changes.
UPDATE tenants
   SET time_zone = coalesce(%(time_zone)s, time_zone),
       default_message = coalesce(%(default_message)s, default_message)
 WHERE tenant_id = %(tenant_id)s
RETURNING tenant_id, name, time_zone, created_at;

-- plan --
SELECT tenant_id, running_campaigns, messages_per_second::double precision AS messages_per_second,
       burst_per_second, requests_per_minute, in_flight_per_instance, foreign_numbers
  FROM plans
 WHERE tenant_id = %(tenant_id)s;

-- set_plan --
-- Only what is named changes.
UPDATE plans
   SET running_campaigns = coalesce(%(running_campaigns)s, running_campaigns),
       messages_per_second = coalesce(%(messages_per_second)s, messages_per_second),
       burst_per_second = coalesce(%(burst_per_second)s, burst_per_second),
       requests_per_minute = coalesce(%(requests_per_minute)s, requests_per_minute),
       in_flight_per_instance = coalesce(%(in_flight_per_instance)s, in_flight_per_instance),
       foreign_numbers = coalesce(%(foreign_numbers)s, foreign_numbers)
 WHERE tenant_id = %(tenant_id)s;

-- defaults --
SELECT t.default_message, p.foreign_numbers,
       p.messages_per_second::double precision AS messages_per_second, p.running_campaigns
  FROM tenants AS t
  JOIN plans AS p USING (tenant_id)
 WHERE t.tenant_id = %(tenant_id)s;
