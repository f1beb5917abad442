-- list_instances --
SELECT i.instance_id, i.public_id, i.name, i.adopted, i.state, i.state_reason, i.state_at, i.owner_phone,
       i.token, i.webhook_secret, i.last_ack_at, i.paused_at, i.created_at,
       l.breaker_state, l.errors_in_a_row, l.times_opened, l.opened_at, l.open_until, l.rest_reason
  FROM instances AS i
  JOIN lanes AS l USING (tenant_id, instance_id)
 WHERE i.tenant_id = %(tenant_id)s AND i.deleted_at IS NULL
 ORDER BY i.instance_id
 LIMIT 500;

-- find_instance --
SELECT i.instance_id, i.public_id, i.name, i.adopted, i.state, i.state_reason, i.state_at, i.owner_phone,
       i.token, i.webhook_secret, i.last_ack_at, i.paused_at, i.created_at,
       l.breaker_state, l.errors_in_a_row, l.times_opened, l.opened_at, l.open_until, l.rest_reason
  FROM instances AS i
  JOIN lanes AS l USING (tenant_id, instance_id)
 WHERE i.tenant_id = %(tenant_id)s AND i.deleted_at IS NULL
   AND (i.name = %(name)s OR i.public_id = %(name)s);

-- webhook_target --
SELECT instance_id, name, state, state_reason, owner_phone, webhook_secret
  FROM instances
 WHERE tenant_id = %(tenant_id)s AND public_id = %(public_id)s AND deleted_at IS NULL;

-- insert_instance --
  WITH added AS (
        INSERT INTO instances (tenant_id, public_id, name, adopted, state, owner_phone, token, webhook_secret)
        VALUES (%(tenant_id)s, %(public_id)s, %(name)s, %(adopted)s, %(state)s, %(owner_phone)s, %(token)s,
                %(webhook_secret)s)
     RETURNING tenant_id, instance_id)
INSERT INTO lanes (tenant_id, instance_id)
SELECT tenant_id, instance_id FROM added
RETURNING instance_id;

-- set_state --
UPDATE instances
   SET state = %(state)s, state_at = now(), state_reason = %(reason)s,
       owner_phone = coalesce(%(owner_phone)s, owner_phone)
 WHERE tenant_id = %(tenant_id)s AND instance_id = %(instance_id)s
   AND (state, state_reason) IS DISTINCT FROM (%(state)s, %(reason)s::text);

-- set_paused --
-- What a worker has in hand leaves; nothing new is given to it.
UPDATE instances
   SET paused_at = CASE WHEN %(paused)s THEN now() END
 WHERE tenant_id = %(tenant_id)s AND instance_id = %(instance_id)s AND deleted_at IS NULL
   AND (paused_at IS NOT NULL) <> %(paused)s;

-- soft_delete --
UPDATE instances
   SET deleted_at = now(), state = 'close', state_at = now()
 WHERE tenant_id = %(tenant_id)s AND instance_id = %(instance_id)s AND deleted_at IS NULL;

-- only_instance_of --
-- Live campaigns that would have no number left without this one.
SELECT k.public_id
  FROM campaign_instances AS ci
  JOIN campaigns AS k USING (tenant_id, campaign_id)
 WHERE ci.tenant_id = %(tenant_id)s AND ci.instance_id = %(instance_id)s AND k.status = 'running'
   AND NOT EXISTS (
        SELECT FROM campaign_instances AS other
          JOIN instances AS i USING (tenant_id, instance_id)
         WHERE other.tenant_id = ci.tenant_id AND other.campaign_id = ci.campaign_id
           AND other.instance_id <> ci.instance_id AND i.deleted_at IS NULL)
 ORDER BY k.campaign_id
 LIMIT 5;

-- names --
-- The named instances, or every one of the tenant where no name is given.
SELECT instance_id, name, state
  FROM instances
 WHERE tenant_id = %(tenant_id)s AND deleted_at IS NULL
   AND (%(names)s::text[] IS NULL OR name = ANY(%(names)s::text[]))
 ORDER BY instance_id;
