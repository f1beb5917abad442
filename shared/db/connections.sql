-- claim_unchecked --
-- Instances to ask Evolution about: something was heard of them, or they are not connected although
-- a live campaign needs them. The time is noted first, so one process asks.
  WITH due AS (
        SELECT i.tenant_id, i.instance_id
          FROM instances AS i
         WHERE i.deleted_at IS NULL
           AND (i.checked_at = '-infinity'
                OR EXISTS (SELECT FROM lanes AS l  -- it has rested: ask before a message probes it
                            WHERE l.tenant_id = i.tenant_id AND l.instance_id = i.instance_id
                              AND l.breaker_state = 'open' AND l.open_until <= clock_timestamp()
                              AND i.checked_at < l.open_until)
                OR (i.state <> 'open' AND i.checked_at < clock_timestamp() - make_interval(secs => %(every)s)
                    AND EXISTS (SELECT FROM campaign_instances AS ci
                                  JOIN campaign_pace AS p USING (tenant_id, campaign_id)
                                 WHERE ci.tenant_id = i.tenant_id AND ci.instance_id = i.instance_id)))
         LIMIT %(limit)s
           FOR NO KEY UPDATE SKIP LOCKED)
UPDATE instances AS i SET checked_at = clock_timestamp()
  FROM due AS d
 WHERE i.tenant_id = d.tenant_id AND i.instance_id = d.instance_id
RETURNING i.tenant_id, i.instance_id, i.public_id, i.name, i.token,
          EXISTS (SELECT FROM lanes AS l
                   WHERE l.tenant_id = i.tenant_id AND l.instance_id = i.instance_id
                     AND l.breaker_state = 'open' AND l.open_until <= clock_timestamp()) AS rested;

-- set_state --
UPDATE instances
   SET state = %(state)s, state_at = clock_timestamp(),
       state_reason = CASE WHEN %(state)s = 'open' THEN NULL ELSE state_reason END
 WHERE tenant_id = %(tenant_id)s AND instance_id = %(instance_id)s AND deleted_at IS NULL
   AND state IS DISTINCT FROM %(state)s;
