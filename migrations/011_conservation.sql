-- depends: 010_doubts
-- Conservation: in one statement, so from one moment, what the counters of each campaign say beside
-- what its rows say. `balanced` is the promise: every message is counted once, in the state it is in.

CREATE FUNCTION conservation(wanted bigint DEFAULT NULL)  -- a campaign; NULL: all of them
RETURNS TABLE (tenant_id bigint, campaign_id bigint, public_id text, total int, pending int, leased int,
               sending int, sent int, failed int, in_doubt int, cancelled int, skipped int,
               counted_total int, counted_sent int, counted_failed int, counted_in_doubt int,
               counted_cancelled int, counted_skipped int, misplaced int, balanced boolean)
LANGUAGE sql STABLE PARALLEL SAFE
AS $conservation$
  WITH rows AS (
        SELECT m.tenant_id, m.campaign_id, count(*)::int AS total,
               count(*) FILTER (WHERE m.status = 'pending')::int AS pending,
               count(*) FILTER (WHERE m.status = 'leased')::int AS leased,
               count(*) FILTER (WHERE m.status = 'sending')::int AS sending,
               count(*) FILTER (WHERE m.status IN ('sent', 'delivered', 'read'))::int AS sent,
               count(*) FILTER (WHERE m.status = 'failed')::int AS failed,
               count(*) FILTER (WHERE m.status = 'in_doubt')::int AS in_doubt,
               count(*) FILTER (WHERE m.status = 'cancelled')::int AS cancelled,
               count(*) FILTER (WHERE m.status = 'skipped')::int AS skipped,
               -- An open call has its row of open_sends, a settled message has none, and what was
               -- sent is known by the provider's id, unless a person said so.
               count(*) FILTER (WHERE (m.status = 'sending' AND o.campaign_id IS NULL)
                                   OR (m.status NOT IN ('sending', 'in_doubt') AND o.campaign_id IS NOT NULL)
                                   OR (m.status IN ('sent', 'delivered', 'read') AND m.instance_id IS NOT NULL
                                       AND m.provider_id IS NULL AND m.decided_at IS NULL)
                                   OR (m.status IN ('leased', 'sending') AND m.lease_id IS NULL))::int AS misplaced
          FROM messages AS m
          LEFT JOIN open_sends AS o ON o.tenant_id = m.tenant_id AND o.campaign_id = m.campaign_id
               AND o.position = m.position
         WHERE m.campaign_id BETWEEN coalesce(wanted, 0) AND coalesce(wanted, 9223372036854775807)
         GROUP BY m.tenant_id, m.campaign_id)
SELECT c.tenant_id, c.campaign_id, c.public_id, r.total, r.pending, r.leased, r.sending, r.sent, r.failed,
       r.in_doubt, r.cancelled, r.skipped,
       k.total, k.sent, k.failed, k.in_doubt, k.cancelled, k.skipped, r.misplaced,
       r.misplaced = 0
       AND (r.total, r.sent, r.failed, r.in_doubt, r.cancelled, r.skipped)
         = (k.total, k.sent, k.failed, k.in_doubt, k.cancelled, k.skipped)
       AND r.total = r.pending + r.leased + r.sending + k.processed
       AND (c.finished_at IS NULL OR k.processed = k.total)
  FROM campaigns AS c
  JOIN campaign_counters AS k ON k.campaign_id = c.campaign_id AND k.tenant_id = c.tenant_id
  JOIN rows AS r ON r.campaign_id = c.campaign_id AND r.tenant_id = c.tenant_id
 WHERE c.campaign_id BETWEEN coalesce(wanted, 0) AND coalesce(wanted, 9223372036854775807)
 ORDER BY c.campaign_id DESC
$conservation$;

GRANT EXECUTE ON FUNCTION conservation(bigint) TO rapidflow_engine;
REVOKE EXECUTE ON FUNCTION conservation(bigint) FROM PUBLIC;
