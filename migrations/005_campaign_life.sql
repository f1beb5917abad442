-- depends: 004_campaign_events
-- Campaigns that somebody else sends, campaigns that go on after their end, totals that need no count,
-- and how long sends take.

-- engine: we send. external: an older workflow sends and reports each contact to us.
ALTER TABLE campaigns
  ADD COLUMN executor  text NOT NULL DEFAULT 'engine' CHECK (executor IN ('engine', 'external')),
  ADD COLUMN reference text CHECK (length(reference) BETWEEN 1 AND 100),  -- the caller's own id
  ADD COLUMN reopened  boolean NOT NULL DEFAULT false;  -- ended once; told when it starts again
CREATE UNIQUE INDEX campaigns_by_reference ON campaigns (tenant_id, reference) WHERE reference IS NOT NULL;
CREATE INDEX campaigns_running_of_tenant ON campaigns (tenant_id) WHERE status = 'running';

-- A callback names its campaign before anything says whose it is.
GRANT SELECT (tenant_id, campaign_id, public_id, executor) ON campaigns TO rapidflow_auth;
CREATE POLICY of_auth ON campaigns TO rapidflow_auth USING (true);

-- What an external workflow said of its campaign as a whole.
CREATE TABLE external_reports (
  tenant_id    bigint NOT NULL,
  campaign_id  bigint NOT NULL,
  position     int NOT NULL DEFAULT 0,
  sent         int NOT NULL DEFAULT 0,
  errors       int NOT NULL DEFAULT 0,
  reported_at  timestamptz,
  completed_at timestamptz,
  PRIMARY KEY (campaign_id, tenant_id),
  FOREIGN KEY (campaign_id, tenant_id) REFERENCES campaigns ON DELETE CASCADE
);
CALL protect('external_reports', 'SELECT, INSERT, UPDATE');

ALTER TABLE attempts ALTER COLUMN instance_id DROP NOT NULL;  -- NULL: an external workflow's

-- Success in percent of what was tried; NULL before the first outcome.
CREATE FUNCTION success_rate(sent bigint, failed bigint)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $rate$ SELECT round(100.0 * sent / nullif(sent + failed, 0), 6) $rate$;

-- A tenant in one row, moved by the statements that move its campaigns. Locked last, in tenant order.
CREATE TABLE tenant_totals (
  tenant_id bigint PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
  campaigns bigint NOT NULL DEFAULT 0,
  completed bigint NOT NULL DEFAULT 0,
  sent      bigint NOT NULL DEFAULT 0,
  failed    bigint NOT NULL DEFAULT 0,
  in_doubt  bigint NOT NULL DEFAULT 0,
  rated     bigint  NOT NULL DEFAULT 0,   -- campaigns with an outcome …
  rate_sum  numeric NOT NULL DEFAULT 0    -- … and the sum of their success rates
) WITH (fillfactor = 50);
CALL protect('tenant_totals', 'SELECT, INSERT, UPDATE');

-- As the engine: its owner sees no rows of a protected table.
SET LOCAL ROLE rapidflow_engine;
INSERT INTO tenant_totals
SELECT t.tenant_id, count(k.campaign_id), count(*) FILTER (WHERE k.status = 'completed'),
       coalesce(sum(c.sent), 0), coalesce(sum(c.failed), 0), coalesce(sum(c.in_doubt), 0),
       count(success_rate(c.sent, c.failed)), coalesce(sum(success_rate(c.sent, c.failed)), 0)
  FROM tenants AS t
  LEFT JOIN campaigns AS k USING (tenant_id)
  LEFT JOIN campaign_counters AS c USING (tenant_id, campaign_id)
 GROUP BY t.tenant_id;
RESET ROLE;

-- Durations of sends by class: class n counts those below bound n, the last one all above.
CREATE FUNCTION timing_bounds()
RETURNS double precision[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $bounds$ SELECT ARRAY[.01, .02, .03, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 1.5, 2, 3, 4, 5, 7.5, 10, 15,
                         20, 30, 45, 60, 75]::double precision[] $bounds$;

CREATE FUNCTION count_timing(counts int[], seconds double precision)
RETURNS int[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $count$
DECLARE
  class int := width_bucket(seconds, timing_bounds()) + 1;
BEGIN
  IF class IS NOT NULL THEN
    counts[class] := counts[class] + 1;
  END IF;
  RETURN counts;
END
$count$;

CREATE AGGREGATE timing_counts(double precision) (
  SFUNC = count_timing, STYPE = int[],
  INITCOND = '{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}'
);

CREATE FUNCTION add_counts(before int[], added int[])
RETURNS int[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $add$
  SELECT CASE WHEN added IS NULL THEN before
              ELSE (SELECT array_agg(coalesce(a, 0) + b ORDER BY class)
                      FROM unnest(before, added) WITH ORDINALITY AS u(a, b, class)) END
$add$;

ALTER TABLE campaign_counters ADD COLUMN timings int[] NOT NULL DEFAULT '{}';

-- Retrying and reports of external workflows move outcomes on the API's own connections.
GRANT INSERT, UPDATE ON campaign_hours, usage_daily TO rapidflow_app;
GRANT UPDATE, DELETE ON campaign_errors TO rapidflow_app;
GRANT INSERT, UPDATE ON attempts TO rapidflow_app;
GRANT UPDATE ON open_sends TO rapidflow_app;
