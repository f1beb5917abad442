-- find_token --
-- Whose token this is, before the tenant is known (rapidflow_auth).
SELECT tenant_id, user_id, family_id FROM refresh_tokens WHERE token_hash = %(token_hash)s;

-- insert_token --
INSERT INTO refresh_tokens (tenant_id, token_hash, user_id, family_id, expires_at)
VALUES (%(tenant_id)s, %(token_hash)s, %(user_id)s, %(family_id)s, now() + %(life)s);

-- spend_token --
UPDATE refresh_tokens
   SET spent_at = now()
 WHERE tenant_id = %(tenant_id)s AND token_hash = %(token_hash)s
   AND spent_at IS NULL AND revoked_at IS NULL AND expires_at > now()
RETURNING user_id;

-- revoke_family --
UPDATE refresh_tokens
   SET revoked_at = now()
 WHERE tenant_id = %(tenant_id)s AND family_id = %(family_id)s AND revoked_at IS NULL;

-- revoke_user --
UPDATE refresh_tokens
   SET revoked_at = now()
 WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND revoked_at IS NULL;

-- forget_old --
DELETE FROM refresh_tokens
 WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND expires_at < now() - interval '1 day';
