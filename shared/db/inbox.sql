-- store --
-- What the provider told us, once.
INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body)
VALUES (%(tenant_id)s, %(instance_id)s, %(event)s, %(dedupe_key)s, %(body)s)
    ON CONFLICT (tenant_id, instance_id, dedupe_key) DO NOTHING
RETURNING inbox_id;

-- store_connection --
-- A connection event only where it says something new: different from the newest one still waiting,
-- or, where none waits, from the state already known. A flood of equal events adds no rows.
  WITH waiting AS (
        SELECT body->>'state' AS state, body->>'statusReason' AS reason
          FROM provider_inbox
         WHERE tenant_id = %(tenant_id)s AND instance_id = %(instance_id)s
           AND event = 'connection.update' AND settled_at IS NULL
         ORDER BY inbox_id DESC
         LIMIT 1),
       known AS (
        SELECT state FROM waiting
         UNION ALL
        SELECT i.state FROM instances AS i
         WHERE i.tenant_id = %(tenant_id)s AND i.instance_id = %(instance_id)s
           AND NOT EXISTS (SELECT FROM waiting)
           AND (i.owner_phone IS NOT NULL OR i.state <> 'open'))
INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body)
SELECT %(tenant_id)s, %(instance_id)s, %(event)s, %(dedupe_key)s, %(body)s
 WHERE NOT EXISTS (SELECT FROM known WHERE state = %(state)s)
    ON CONFLICT (tenant_id, instance_id, dedupe_key) DO NOTHING
RETURNING inbox_id;
