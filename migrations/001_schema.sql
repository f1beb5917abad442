-- Roles, tenants, people, WhatsApp instances and campaigns.
--
-- Three roles share the tables: the owner (this connection) does DDL only; rapidflow_app (API) sees
-- one tenant, named by app.tenant in each transaction; rapidflow_engine (dispatch, send, sweep) sees
-- all of them through a policy, so no role needs BYPASSRLS. rapidflow_auth reads credentials before
-- the tenant is known. Keys carry tenant_id wherever a row points at another: row-level security
-- does not cover foreign keys.

DO $roles$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['rapidflow_app', 'rapidflow_engine', 'rapidflow_auth'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;  -- another database of this cluster made it
    END;
    IF NOT pg_has_role(current_user, name, 'MEMBER') OR current_setting('server_version_num')::int >= 160000 THEN
      EXECUTE format('GRANT %I TO %I', name, current_user);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', name);
  END LOOP;
END
$roles$;

-- The tenant of this transaction; NULL (no rows) when none is set. Called once per query.
CREATE FUNCTION current_tenant() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.tenant', true), '')::bigint $$;

-- Row-level security for a table with a tenant_id: the app sees its tenant, the engine sees all.
CREATE PROCEDURE protect(target regclass, app_privileges text)
LANGUAGE plpgsql
AS $protect$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY of_tenant ON %s TO rapidflow_app USING (tenant_id = (SELECT current_tenant())) '
                 'WITH CHECK (tenant_id = (SELECT current_tenant()))', target);
  EXECUTE format('CREATE POLICY of_engine ON %s TO rapidflow_engine USING (true) WITH CHECK (true)', target);
  EXECUTE format('GRANT %s ON %s TO rapidflow_app', app_privileges, target);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO rapidflow_engine', target);
END
$protect$;

CREATE TABLE tenants (
  tenant_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name            text NOT NULL,
  time_zone       text NOT NULL DEFAULT 'America/Sao_Paulo',
  default_message text NOT NULL DEFAULT 'Olá {{nome}}!',
  created_at      timestamptz NOT NULL DEFAULT now()
);
CALL protect('tenants', 'SELECT, UPDATE');
CREATE UNIQUE INDEX tenants_by_name ON tenants (lower(name));

-- Limits of a tenant; the defaults are the product's own.
CREATE TABLE plans (
  tenant_id              bigint PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
  running_campaigns      int     NOT NULL DEFAULT 5    CHECK (running_campaigns > 0),
  messages_per_second    numeric NOT NULL DEFAULT 2    CHECK (messages_per_second > 0),
  burst_per_second       int     NOT NULL DEFAULT 10   CHECK (burst_per_second > 0),
  requests_per_minute    int     NOT NULL DEFAULT 60   CHECK (requests_per_minute > 0),
  in_flight_per_instance int     NOT NULL DEFAULT 2    CHECK (in_flight_per_instance BETWEEN 1 AND 100),
  foreign_numbers        boolean NOT NULL DEFAULT false
);
CALL protect('plans', 'SELECT');

CREATE TABLE users (
  tenant_id     bigint NOT NULL REFERENCES tenants ON DELETE CASCADE,
  user_id       bigint GENERATED ALWAYS AS IDENTITY,
  email         text NOT NULL,
  password_hash text NOT NULL,
  role          text NOT NULL CHECK (role IN ('owner', 'admin', 'operator', 'viewer')),
  session_epoch int NOT NULL DEFAULT 0,  -- raised by password, role and disabling: older tokens end
  disabled_at   timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, user_id)
);
CALL protect('users', 'SELECT, INSERT, UPDATE');
-- One e-mail signs in to one tenant, so it is unique across tenants.
CREATE UNIQUE INDEX users_by_email ON users (lower(email));
CREATE UNIQUE INDEX users_by_id ON users (user_id);

CREATE TABLE refresh_tokens (
  tenant_id  bigint NOT NULL,
  token_hash bytea NOT NULL,
  user_id    bigint NOT NULL,
  family_id  uuid NOT NULL,          -- one sign-in; reuse of a spent token revokes it whole
  expires_at timestamptz NOT NULL,
  spent_at   timestamptz,
  revoked_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, token_hash),
  FOREIGN KEY (tenant_id, user_id) REFERENCES users ON DELETE CASCADE
);
CALL protect('refresh_tokens', 'SELECT, INSERT, UPDATE, DELETE');
CREATE UNIQUE INDEX refresh_tokens_by_hash ON refresh_tokens (token_hash);
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (tenant_id, family_id);

CREATE TABLE api_keys (
  tenant_id    bigint NOT NULL,
  api_key_id   bigint GENERATED ALWAYS AS IDENTITY,
  user_id      bigint NOT NULL,
  name         text NOT NULL,
  prefix       text NOT NULL,        -- the first characters, to recognise a key in a list
  key_hash     bytea NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  revoked_at   timestamptz,
  PRIMARY KEY (tenant_id, api_key_id),
  FOREIGN KEY (tenant_id, user_id) REFERENCES users ON DELETE CASCADE
);
CALL protect('api_keys', 'SELECT, INSERT, UPDATE');
CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (key_hash);

-- Signing in: these columns are read before the tenant is known.
GRANT SELECT ON users, refresh_tokens, api_keys TO rapidflow_auth;
CREATE POLICY of_auth ON users TO rapidflow_auth USING (true);
CREATE POLICY of_auth ON refresh_tokens TO rapidflow_auth USING (true);
CREATE POLICY of_auth ON api_keys TO rapidflow_auth USING (true);

CREATE TABLE instances (
  tenant_id      bigint NOT NULL REFERENCES tenants ON DELETE CASCADE,
  instance_id    bigint GENERATED ALWAYS AS IDENTITY,
  public_id      text NOT NULL,      -- in our webhook address; cannot be guessed
  name           text NOT NULL,      -- instanceName in Evolution
  adopted        boolean NOT NULL,   -- existed before: deleting here leaves it in Evolution
  state          text NOT NULL DEFAULT 'close',  -- Evolution's word: open, connecting, close, refused
  state_reason   text,
  state_at       timestamptz NOT NULL DEFAULT now(),
  checked_at     timestamptz NOT NULL DEFAULT now(),  -- when Evolution was last asked
  owner_phone    text,
  token          bytea NOT NULL,     -- sealed (AES-256-GCM)
  webhook_secret bytea NOT NULL,     -- sealed
  last_ack_at    timestamptz,
  deleted_at     timestamptz,
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, instance_id)
);
CALL protect('instances', 'SELECT, INSERT, UPDATE');
CREATE UNIQUE INDEX instances_by_id ON instances (instance_id);
CREATE UNIQUE INDEX instances_by_public_id ON instances (public_id);
-- Evolution knows one namespace for all tenants; two tenants must never share a number.
CREATE UNIQUE INDEX instances_by_name ON instances (name) WHERE deleted_at IS NULL;

-- What is hot about an instance: who sends on it now, and its breaker. One unfinished batch at a time.
CREATE TABLE lanes (
  tenant_id       bigint NOT NULL,
  instance_id     bigint NOT NULL,
  lease_id        uuid,
  lease_until     timestamptz,
  loaded_at       timestamptz,       -- a worker has taken the batch; a second copy of it finds this
  breaker_state   text NOT NULL DEFAULT 'closed' CHECK (breaker_state IN ('closed', 'open', 'half-open')),
  errors_in_a_row int NOT NULL DEFAULT 0,
  times_opened    int NOT NULL DEFAULT 0,   -- since the last success; the open time grows with it
  open_until      timestamptz,
  rest_reason     text,
  served_at       timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (tenant_id, instance_id),
  FOREIGN KEY (tenant_id, instance_id) REFERENCES instances ON DELETE CASCADE
) WITH (fillfactor = 50);
CALL protect('lanes', 'SELECT, INSERT, UPDATE');
CREATE UNIQUE INDEX lanes_by_instance ON lanes (instance_id);

CREATE TABLE campaigns (
  tenant_id       bigint NOT NULL REFERENCES tenants ON DELETE CASCADE,
  campaign_id     bigint GENERATED ALWAYS AS IDENTITY,
  public_id       text NOT NULL,     -- CAMP-…, 130 random bits
  user_id         bigint NOT NULL,
  name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  status          text NOT NULL CHECK (status IN
                    ('scheduled', 'pending', 'running', 'paused', 'completed', 'cancelled', 'failed')),
  priority        int NOT NULL DEFAULT 0,
  template        text NOT NULL,
  image_url       text,
  delay_min       double precision NOT NULL,   -- seconds between two messages
  delay_max       double precision NOT NULL,
  scheduled_at    timestamptz,
  started_at      timestamptz,
  finished_at     timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now(),
  request_id      text,
  PRIMARY KEY (campaign_id, tenant_id),
  FOREIGN KEY (tenant_id, user_id) REFERENCES users,
  CHECK (delay_min >= 0 AND delay_max >= delay_min AND delay_max <= 3600)
) WITH (fillfactor = 70);
CALL protect('campaigns', 'SELECT, INSERT, UPDATE');
CREATE UNIQUE INDEX campaigns_by_public_id ON campaigns (public_id, tenant_id);
CREATE INDEX campaigns_of_tenant ON campaigns (tenant_id, campaign_id DESC);
CREATE INDEX campaigns_waiting ON campaigns (priority DESC, campaign_id) WHERE status IN ('pending', 'scheduled');
CREATE INDEX campaigns_running ON campaigns (user_id) WHERE status = 'running';

-- The numbers a campaign may be sent from.
CREATE TABLE campaign_instances (
  tenant_id   bigint NOT NULL,
  campaign_id bigint NOT NULL,
  instance_id bigint NOT NULL,
  PRIMARY KEY (campaign_id, instance_id, tenant_id),
  FOREIGN KEY (campaign_id, tenant_id) REFERENCES campaigns ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, instance_id) REFERENCES instances
);
CALL protect('campaign_instances', 'SELECT, INSERT, DELETE');
CREATE INDEX campaign_instances_by_instance ON campaign_instances (instance_id, campaign_id);

-- When a live campaign next has something to do, and its next free sending slot. Rows of ended
-- campaigns are deleted, so finding due work costs the same whatever has been sent before.
CREATE TABLE campaign_pace (
  tenant_id      bigint NOT NULL,
  campaign_id    bigint NOT NULL,
  next_due_at    timestamptz NOT NULL DEFAULT now(),
  next_slot_at   timestamptz NOT NULL DEFAULT now(),
  served_at      timestamptz NOT NULL DEFAULT '-infinity',
  waiting_reason text,
  PRIMARY KEY (campaign_id, tenant_id),
  FOREIGN KEY (campaign_id, tenant_id) REFERENCES campaigns ON DELETE CASCADE
) WITH (fillfactor = 50);
CALL protect('campaign_pace', 'SELECT, INSERT, UPDATE, DELETE');
CREATE INDEX campaign_pace_due ON campaign_pace (next_due_at);

-- Counters and the event number, apart from the status row: a batch's verdict locks only these, in
-- campaign order. No secondary index, so every update stays on its page.
CREATE TABLE campaign_counters (
  tenant_id        bigint NOT NULL,
  campaign_id      bigint NOT NULL,
  total            int NOT NULL,
  skipped          int NOT NULL DEFAULT 0,
  sent             int NOT NULL DEFAULT 0,   -- ever sent, so also those delivered or read since
  delivered        int NOT NULL DEFAULT 0,   -- delivered or read
  read             int NOT NULL DEFAULT 0,
  replied          int NOT NULL DEFAULT 0,
  failed           int NOT NULL DEFAULT 0,
  in_doubt         int NOT NULL DEFAULT 0,
  cancelled        int NOT NULL DEFAULT 0,
  processed        int NOT NULL GENERATED ALWAYS AS (skipped + sent + failed + in_doubt + cancelled) STORED,
  attempts         int NOT NULL DEFAULT 0,
  seconds_sum      double precision NOT NULL DEFAULT 0,   -- duration of provider calls that sent
  seconds_min      double precision,
  seconds_max      double precision,
  window_at        timestamptz,                -- the running minute, for the speed
  window_sent      int NOT NULL DEFAULT 0,
  window_before    int NOT NULL DEFAULT 0,     -- sent in the minute before window_at
  last_sent_at     timestamptz,
  gap_seconds      double precision,           -- expected pause between two messages, set at the start
  seq              bigint NOT NULL DEFAULT 0,  -- number of the last event
  PRIMARY KEY (campaign_id, tenant_id),
  FOREIGN KEY (campaign_id, tenant_id) REFERENCES campaigns ON DELETE CASCADE,
  CHECK (processed <= total)
) WITH (fillfactor = 50);
CALL protect('campaign_counters', 'SELECT, INSERT, UPDATE');

GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO rapidflow_app, rapidflow_engine;
