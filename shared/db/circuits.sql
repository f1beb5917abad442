-- trip --
-- Open breakers from outside the lane's worker; one that is open already stays as it is, unless this
-- reason asks for a longer rest. A worker that holds the lane finds it so when it gives it back. The rest
-- doubles up to the ceiling; one longer than that is taken as it is.
  WITH wanted AS MATERIALIZED (
        SELECT l.tenant_id, l.instance_id
          FROM lanes AS l
         WHERE l.instance_id = ANY(%(instance_ids)s::bigint[])
           AND (l.breaker_state <> 'open'
                OR l.open_until < clock_timestamp()
                                  + make_interval(secs => CASE WHEN %(longer)s THEN %(rest_seconds)s ELSE 0 END))
         ORDER BY l.instance_id
           FOR UPDATE),
       tripped AS (
        UPDATE lanes AS l
           SET breaker_state = 'open', times_opened = least(l.times_opened + 1, 16), ack_errors = 0,
               opened_at = clock_timestamp(), rest_reason = coalesce(%(reason)s, l.rest_reason),
               open_until = clock_timestamp() + make_interval(
                 secs => least(%(rest_seconds)s * 2 ^ l.times_opened,
                               greatest(%(rest_seconds)s, %(ceiling_seconds)s)) * (1 + random() / 10))
          FROM wanted AS w
         WHERE l.tenant_id = w.tenant_id AND l.instance_id = w.instance_id
     RETURNING l.tenant_id, l.instance_id, l.breaker_state, l.rest_reason, l.open_until, l.errors_in_a_row)
SELECT t.tenant_id, t.instance_id, i.name, t.breaker_state AS state, t.rest_reason AS reason, t.open_until,
       t.errors_in_a_row
  FROM tripped AS t JOIN instances AS i USING (tenant_id, instance_id);

-- states --
-- Every instance's breaker, and how many of its sends of the last day nobody has heard of for ten minutes
-- (counted up to a thousand).
SELECT i.name, l.breaker_state AS state, i.state = 'open' AS connected, u.unconfirmed
  FROM instances AS i
  JOIN lanes AS l USING (tenant_id, instance_id)
 CROSS JOIN LATERAL (
       SELECT count(*)::int AS unconfirmed
         FROM (SELECT FROM messages AS m
                WHERE m.instance_id = i.instance_id AND m.status = 'sent' AND m.acked_at IS NULL
                  AND m.sent_at BETWEEN now() - interval '24 h'
                                    AND now() - make_interval(secs => %(after_seconds)s)
                LIMIT 1000) AS silent) AS u
 WHERE i.deleted_at IS NULL
 ORDER BY i.instance_id
 LIMIT 500;

-- watching --
-- Running campaigns that are sent from these instances: who is told when one rests.
SELECT ci.tenant_id, ci.campaign_id, ci.instance_id
  FROM campaign_instances AS ci
  JOIN campaigns AS k USING (tenant_id, campaign_id)
 WHERE ci.instance_id = ANY(%(instance_ids)s::bigint[]) AND k.status = 'running'
 ORDER BY ci.campaign_id, ci.instance_id;

-- count_refusals --
-- Sends that WhatsApp refused without ever taking them, to people this tenant never reached: a run of
-- them is what a restricted number looks like. Whatever it does take ends the run.
  WITH given AS (
        SELECT instance_id, provider_id, max(rank) AS rank
          FROM unnest(%(instance_ids)s::bigint[], %(provider_ids)s::text[], %(ranks)s::int[])
               AS g(instance_id, provider_id, rank)
         GROUP BY instance_id, provider_id),
       told AS (
        SELECT g.instance_id,
               bool_or(g.rank > 0) AS taken,
               count(*) FILTER (WHERE g.rank = 0 AND m.acked_at IS NULL AND m.refused_at IS NULL AND NOT EXISTS (
                 SELECT FROM contacts AS c
                   JOIN contacts AS same ON same.tenant_id = c.tenant_id AND same.phone = c.phone
                        AND same.body IS NOT NULL
                   JOIN messages AS reached ON reached.campaign_id = same.campaign_id
                        AND reached.position = same.position AND reached.tenant_id = same.tenant_id
                        AND reached.delivered_at IS NOT NULL
                  WHERE c.tenant_id = m.tenant_id AND c.campaign_id = m.campaign_id
                    AND c.position = m.position))::int AS refused
          FROM given AS g
          JOIN messages AS m ON m.instance_id = g.instance_id AND m.provider_id = g.provider_id
         GROUP BY g.instance_id),
       locked AS MATERIALIZED (
        SELECT l.tenant_id, l.instance_id
          FROM lanes AS l
         WHERE l.instance_id IN (SELECT instance_id FROM told)
           AND (l.ack_errors > 0 OR EXISTS (SELECT FROM told AS t
                                             WHERE t.instance_id = l.instance_id AND t.refused > 0))
         ORDER BY l.instance_id
           FOR UPDATE)
UPDATE lanes AS l
   SET ack_errors = CASE WHEN t.taken THEN 0 ELSE l.ack_errors END + t.refused
  FROM locked AS k
  JOIN told AS t USING (instance_id)
 WHERE l.tenant_id = k.tenant_id AND l.instance_id = k.instance_id
RETURNING l.instance_id, l.ack_errors;
