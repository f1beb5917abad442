-- hold --
-- One request with this key at a time; released with the transaction.
SELECT pg_try_advisory_xact_lock(hashtextextended(%(tenant_id)s::text || '|' || %(route)s || '|' || %(key)s, 0));

-- find --
SELECT body_hash, status, answer
  FROM idempotency_keys
 WHERE tenant_id = %(tenant_id)s AND route = %(route)s AND key = %(key)s
   AND created_at > now() - interval '24 hours';

-- forget --
-- Keys are kept for a day.
DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours';

-- record --
INSERT INTO idempotency_keys (tenant_id, route, key, body_hash, status, answer)
VALUES (%(tenant_id)s, %(route)s, %(key)s, %(body_hash)s, %(status)s, %(answer)s)
    ON CONFLICT DO NOTHING;
