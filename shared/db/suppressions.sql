-- page --
-- Newest first, past a cursor. Somebody who was erased is found by the whole number only.
SELECT suppression_id, phone, reason, created_at
  FROM suppressions
 WHERE tenant_id = %(tenant_id)s
   AND (%(before_id)s::bigint IS NULL OR suppression_id < %(before_id)s)
   AND (%(pattern)s::text IS NULL OR phone LIKE %(pattern)s OR phone_hash = %(phone_hash)s::bytea)
 ORDER BY suppression_id DESC
 LIMIT %(limit)s;

-- count --
SELECT count(*) FROM suppressions WHERE tenant_id = %(tenant_id)s;

-- add --
-- Those that are there already keep their reason and their day, those who were erased their secret.
INSERT INTO suppressions (tenant_id, phone, reason)
SELECT %(tenant_id)s, phone, %(reason)s
  FROM unnest(%(phones)s::text[], %(phone_hashes)s::bytea[]) WITH ORDINALITY AS given(phone, phone_hash, place)
 WHERE NOT EXISTS (SELECT FROM suppressions AS s
                    WHERE s.tenant_id = %(tenant_id)s AND s.phone_hash = given.phone_hash)
 ORDER BY place
    ON CONFLICT DO NOTHING;

-- known --
SELECT phone
  FROM suppressions
 WHERE tenant_id = %(tenant_id)s AND phone = ANY(%(phones)s::text[]);

-- any_erased --
SELECT EXISTS (SELECT FROM suppressions WHERE tenant_id = %(tenant_id)s AND phone_hash IS NOT NULL);

-- known_hashes --
SELECT phone_hash
  FROM suppressions
 WHERE tenant_id = %(tenant_id)s AND phone_hash = ANY(%(phone_hashes)s::bytea[]);

-- erase --
-- The hash in the place of the phone; reason, day and number stay.
  WITH plain AS (
        DELETE FROM suppressions
         WHERE tenant_id = %(tenant_id)s AND phone = %(phone)s
     RETURNING tenant_id, suppression_id, reason, created_at)
INSERT INTO suppressions (tenant_id, suppression_id, phone_hash, reason, created_at)
OVERRIDING SYSTEM VALUE
SELECT tenant_id, suppression_id, %(phone_hash)s, reason, created_at FROM plain
    ON CONFLICT (tenant_id, phone_hash) WHERE phone_hash IS NOT NULL DO NOTHING;

-- remove --
DELETE FROM suppressions
 WHERE tenant_id = %(tenant_id)s AND suppression_id = %(suppression_id)s
RETURNING reason;
