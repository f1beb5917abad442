-- end_campaigns --
-- No message is pending, leased or sending: the campaign is over.
  WITH over AS (
        SELECT c.tenant_id, c.campaign_id, k.total, k.sent, k.failed, k.in_doubt, k.skipped, k.cancelled
          FROM campaigns AS c
          JOIN campaign_counters AS k USING (tenant_id, campaign_id)
         WHERE (c.tenant_id, c.campaign_id) IN
               (SELECT * FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[]))
           AND c.finished_at IS NULL AND k.processed = k.total
         ORDER BY c.campaign_id
           FOR NO KEY UPDATE OF c),
       gone AS (
        DELETE FROM campaign_pace AS p USING over AS o
         WHERE p.tenant_id = o.tenant_id AND p.campaign_id = o.campaign_id)
UPDATE campaigns AS c
   SET finished_at = clock_timestamp(),
       status = CASE WHEN c.status = 'cancelled' THEN 'cancelled'
                     WHEN o.failed > 0 AND o.sent + o.in_doubt = 0 THEN 'failed'
                     ELSE 'completed' END
  FROM over AS o
 WHERE c.tenant_id = o.tenant_id AND c.campaign_id = o.campaign_id AND c.finished_at IS NULL
RETURNING c.tenant_id, c.campaign_id, c.public_id, c.request_id, c.status, o.total, o.sent, o.failed, o.in_doubt,
          o.skipped, o.cancelled,
          coalesce((SELECT jsonb_object_agg(x.code, x.count)
                      FROM campaign_errors AS x
                     WHERE x.tenant_id = c.tenant_id AND x.campaign_id = c.campaign_id
                       AND x.kind = 'failed'), '{}') AS errors,
          extract(epoch FROM c.finished_at - coalesce(c.started_at, c.created_at))::double precision AS duration;

-- count_ended --
-- Totals are locked last, in tenant order.
INSERT INTO tenant_totals AS x (tenant_id, completed)
SELECT tenant_id, count(*)
  FROM unnest(%(tenant_ids)s::bigint[]) AS ended(tenant_id)
 GROUP BY tenant_id
 ORDER BY tenant_id
    ON CONFLICT (tenant_id) DO UPDATE SET completed = x.completed + excluded.completed;
