-- hold --
-- One request with this key at a time; released with the transaction.
SELECT pg_try_advisory_xact_lock(hashtextextended(%(tenant_id)s::text || '|' || %(route)s || '|' || %(key)s, 0));

-- find --
SELECT body_hash, status, answer
  FROM idempotency_keys
 WHERE tenant_id = %(tenant_id)s AND route = %(route)s AND key = %(key)s
   AND created_at > now() - interval '24 hours';

-- expire --
-- This key, if it is older than a day and not forgotten yet.
DELETE FROM idempotency_keys
 WHERE tenant_id = %(tenant_id)s AND route = %(route)s AND key = %(key)s
   AND created_at <= now() - interval '24 hours';

-- begin --
INSERT INTO idempotency_keys (tenant_id, route, key, body_hash, answer, claim_id, claimed_until)
VALUES (%(tenant_id)s, %(route)s, %(key)s, %(body_hash)s, %(plan)s, %(claim_id)s, now() + %(life)s)
    ON CONFLICT DO NOTHING
RETURNING answer;

-- find_any --
SELECT body_hash, status, answer
  FROM idempotency_keys
 WHERE tenant_id = %(tenant_id)s AND route = %(route)s AND key = %(key)s;

-- take_over --
-- The claim of a process that is gone, with its plan.
UPDATE idempotency_keys
   SET claim_id = %(claim_id)s, claimed_until = now() + %(life)s
 WHERE tenant_id = %(tenant_id)s AND route = %(route)s AND key = %(key)s
   AND status IS NULL AND claimed_until <= now()
RETURNING answer;

-- settle --
UPDATE idempotency_keys
   SET status = %(status)s, answer = %(answer)s, claimed_until = NULL
 WHERE tenant_id = %(tenant_id)s AND route = %(route)s AND key = %(key)s
   AND status IS NULL AND claim_id = %(claim_id)s;

-- lapse --
UPDATE idempotency_keys
   SET claimed_until = now()
 WHERE tenant_id = %(tenant_id)s AND route = %(route)s AND key = %(key)s
   AND status IS NULL AND claim_id = %(claim_id)s;

-- release --
DELETE FROM idempotency_keys
 WHERE tenant_id = %(tenant_id)s AND route = %(route)s AND key = %(key)s
   AND status IS NULL AND claim_id = %(claim_id)s;

-- forget --
-- Keys are kept for a day.
DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours';

-- record --
INSERT INTO idempotency_keys (tenant_id, route, key, body_hash, status, answer)
VALUES (%(tenant_id)s, %(route)s, %(key)s, %(body_hash)s, %(status)s, %(answer)s)
    ON CONFLICT DO NOTHING;
