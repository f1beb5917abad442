-- find_owner --
-- Whose key this is, before the tenant is known (rapidflow_auth).
SELECT tenant_id, user_id FROM api_keys WHERE key_hash = %(key_hash)s AND revoked_at IS NULL;

-- insert_key --
INSERT INTO api_keys (tenant_id, user_id, name, prefix, key_hash)
VALUES (%(tenant_id)s, %(user_id)s, %(name)s, %(prefix)s, %(key_hash)s)
RETURNING api_key_id, user_id, name, prefix, created_at, revoked_at;

-- list_keys --
SELECT api_key_id, user_id, name, prefix, created_at, revoked_at
  FROM api_keys
 WHERE tenant_id = %(tenant_id)s AND revoked_at IS NULL
   AND (%(user_id)s::bigint IS NULL OR user_id = %(user_id)s)
 ORDER BY api_key_id DESC
 LIMIT 100;

-- revoke_key --
UPDATE api_keys
   SET revoked_at = now()
 WHERE tenant_id = %(tenant_id)s AND api_key_id = %(api_key_id)s AND revoked_at IS NULL
   AND (%(user_id)s::bigint IS NULL OR user_id = %(user_id)s)
RETURNING api_key_id;
