-- store --
-- What the provider told us, once; true where it was new. Sets the tenant for this one statement.
SELECT store_event(%(tenant_id)s, %(instance_id)s, %(event)s, %(dedupe_key)s, %(body)s);

-- store_connection --
-- A connection event has Evolution asked, nothing more: one that waits already stands for all of its kind,
-- and `connecting` for nothing new beside any. What tells the state already known is no news. After one
-- that was dealt with the next waits out its second, so a flood is a row a second and no doorbell.
  WITH newest AS MATERIALIZED (
        SELECT body->>'state' AS state, settled_at IS NULL AS waits, received_at
          FROM provider_inbox
         WHERE tenant_id = %(tenant_id)s AND instance_id = %(instance_id)s AND event = 'connection.update'
         ORDER BY inbox_id DESC
         LIMIT 10)
INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body, due_at)
SELECT %(tenant_id)s, %(instance_id)s, %(event)s, %(dedupe_key)s, %(body)s,
       greatest(now(), (SELECT max(received_at) FROM newest) + interval '1 s')
 WHERE NOT EXISTS (SELECT FROM newest WHERE waits AND (state = %(state)s OR %(state)s = 'connecting'))
   AND (EXISTS (SELECT FROM newest WHERE waits)
        OR NOT EXISTS (SELECT FROM instances AS i
                        WHERE i.tenant_id = %(tenant_id)s AND i.instance_id = %(instance_id)s
                          AND i.state = %(state)s AND (i.owner_phone IS NOT NULL OR i.state <> 'open')))
    ON CONFLICT (tenant_id, instance_id, dedupe_key) DO NOTHING
RETURNING due_at <= clock_timestamp();
