-- depends: 003_campaign_logs
-- Events with their numbers, and the rollups that analytics reads instead of messages.

-- One row holds the events one transaction caused for one campaign. It is the outbox (published_at)
-- and the replay for sockets that missed something. Events name contacts by position: personal data
-- is joined in when they are published.
CREATE TABLE campaign_events (
  tenant_id    bigint NOT NULL,
  campaign_id  bigint NOT NULL,
  first_seq    bigint NOT NULL,
  last_seq     bigint NOT NULL,
  events       jsonb NOT NULL,      -- [{seq, event, position?, …}, …]
  created_at   timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz,
  PRIMARY KEY (campaign_id, last_seq, tenant_id)
) WITH (fillfactor = 80);
CALL protect('campaign_events', 'SELECT, INSERT, UPDATE');
CREATE INDEX campaign_events_unpublished ON campaign_events (created_at) WHERE published_at IS NULL;

CREATE TABLE campaign_hours (
  tenant_id   bigint NOT NULL,
  campaign_id bigint NOT NULL,
  hour        timestamptz NOT NULL,   -- start of the hour, UTC
  sent        int NOT NULL DEFAULT 0,
  failed      int NOT NULL DEFAULT 0,
  seconds_sum double precision NOT NULL DEFAULT 0,
  PRIMARY KEY (campaign_id, hour, tenant_id)
) WITH (fillfactor = 50);
CALL protect('campaign_hours', 'SELECT');

-- Final errors and reasons of skipping, counted by code.
CREATE TABLE campaign_errors (
  tenant_id   bigint NOT NULL,
  campaign_id bigint NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('failed', 'skipped')),
  code        text NOT NULL,
  count       int NOT NULL DEFAULT 0,
  PRIMARY KEY (campaign_id, kind, code, tenant_id)
) WITH (fillfactor = 50);
CALL protect('campaign_errors', 'SELECT, INSERT');

CREATE TABLE usage_daily (
  tenant_id bigint NOT NULL REFERENCES tenants ON DELETE CASCADE,
  day       date NOT NULL,            -- in the tenant's time zone
  sent      int NOT NULL DEFAULT 0,
  failed    int NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, day)
) WITH (fillfactor = 50);
CALL protect('usage_daily', 'SELECT');

-- Messages per second of late: the running minute and the share of the one before it that a moving
-- window still covers. NULL before the first send.
CREATE FUNCTION recent_rate(window_at timestamptz, window_sent int, window_before int)
RETURNS double precision LANGUAGE sql STABLE PARALLEL SAFE
AS $rate$
  SELECT CASE
           WHEN window_at IS NULL THEN NULL
           WHEN age >= 120 THEN 0
           WHEN age >= 60 THEN window_sent * (120 - age) / 60 / 60
           WHEN window_before = 0 THEN window_sent / greatest(age, 1)
           ELSE (window_before * (60 - age) / 60 + window_sent) / 60
         END
    FROM (SELECT extract(epoch FROM clock_timestamp() - window_at)::double precision AS age) AS a
$rate$;

-- Seconds until the open messages are done: by the campaign's own pause where that dominates, else by
-- the recent speed. NULL when nothing is known yet.
CREATE FUNCTION eta_seconds(open_messages int, gap_seconds double precision, rate double precision)
RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $eta$
  SELECT CASE
           WHEN open_messages <= 0 THEN 0
           WHEN gap_seconds >= 5 OR coalesce(rate, 0) <= 0 THEN ceil(open_messages * gap_seconds)
           ELSE ceil(open_messages * greatest(gap_seconds, 1 / rate))
         END::int
$eta$;
