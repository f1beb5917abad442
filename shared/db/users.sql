-- find_login --
-- Signing in, before the tenant is known (rapidflow_auth).
SELECT tenant_id, user_id, password_hash, disabled_at IS NOT NULL AS disabled
  FROM users
 WHERE lower(email) = lower(%(email)s);

-- find_user --
-- The users row a credential stands for, with its limits.
SELECT u.tenant_id, u.user_id, u.email, u.role, u.session_epoch, u.disabled_at IS NOT NULL AS disabled,
       t.name AS tenant, p.requests_per_minute, u.created_at
  FROM users AS u
  JOIN tenants AS t USING (tenant_id)
  JOIN plans AS p USING (tenant_id)
 WHERE u.tenant_id = %(tenant_id)s AND u.user_id = %(user_id)s;

-- list_users --
SELECT u.tenant_id, u.user_id, u.email, u.role, u.session_epoch, u.disabled_at IS NOT NULL AS disabled,
       t.name AS tenant, p.requests_per_minute, u.created_at
  FROM users AS u
  JOIN tenants AS t USING (tenant_id)
  JOIN plans AS p USING (tenant_id)
 WHERE %(tenant_id)s::bigint IS NULL OR u.tenant_id = %(tenant_id)s
 ORDER BY u.tenant_id, u.user_id;

-- find_by_email --
SELECT u.tenant_id, u.user_id, u.email, u.role, u.session_epoch, u.disabled_at IS NOT NULL AS disabled,
       t.name AS tenant, p.requests_per_minute, u.created_at
  FROM users AS u
  JOIN tenants AS t USING (tenant_id)
  JOIN plans AS p USING (tenant_id)
 WHERE lower(u.email) = lower(%(email)s);

-- insert_user --
INSERT INTO users (tenant_id, email, password_hash, role)
VALUES (%(tenant_id)s, %(email)s, %(password_hash)s, %(role)s)
RETURNING user_id;

-- set_password --
-- Older tokens end with it.
UPDATE users
   SET password_hash = %(password_hash)s, session_epoch = session_epoch + 1
 WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s;

-- replace_password --
-- By the person: only over the password that was shown to be known. Older tokens end with it.
UPDATE users
   SET password_hash = %(password_hash)s, session_epoch = session_epoch + 1
 WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND password_hash = %(before)s
RETURNING user_id;

-- rehash --
-- The same password under today's parameters; sessions go on.
UPDATE users
   SET password_hash = %(password_hash)s
 WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND password_hash = %(before)s;

-- end_access_tokens --
-- Access tokens made before now end; sign-ins that are still good get new ones by refreshing.
UPDATE users
   SET session_epoch = session_epoch + 1
 WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s;

-- set_role --
UPDATE users
   SET role = %(role)s, session_epoch = session_epoch + 1
 WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND role <> %(role)s;

-- lock_owners --
SELECT user_id
  FROM users
 WHERE tenant_id = %(tenant_id)s AND role = 'owner' AND disabled_at IS NULL
 ORDER BY user_id
   FOR UPDATE;

-- set_disabled --
UPDATE users
   SET disabled_at = CASE WHEN %(disabled)s THEN coalesce(disabled_at, now()) END,
       session_epoch = session_epoch + 1
 WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s;

-- owner --
SELECT tenant_id, user_id, email
  FROM users
 WHERE tenant_id = %(tenant_id)s AND role = 'owner' AND disabled_at IS NULL
 ORDER BY user_id
 LIMIT 1;

-- has_other_tenants --
-- Whether somebody of another tenant signs in on this server (rapidflow_auth).
SELECT EXISTS (SELECT FROM users WHERE tenant_id <> %(tenant_id)s);
