-- record --
INSERT INTO audit_log (tenant_id, actor, action, subject, detail)
VALUES (%(tenant_id)s, %(actor)s, %(action)s, %(subject)s, %(detail)s);

-- verify --
-- Each tenant's chain, whole or its newest lines, and the first line that does not hold on to the one
-- before it.
  WITH line AS (
        SELECT a AS whole, a.tenant_id, a.number, a.prev_hash, a.hash, lag(a.hash) OVER w AS hash_before,
               coalesce(lag(a.number) OVER w + 1, CASE WHEN %(newest)s::int IS NULL THEN 1 ELSE a.number END)
                 AS expected
          FROM audit_log AS a
         WHERE %(newest)s::int IS NULL
            OR a.number > (SELECT max(x.number) FROM audit_log AS x WHERE x.tenant_id = a.tenant_id) - %(newest)s
        WINDOW w AS (PARTITION BY a.tenant_id ORDER BY a.number))
SELECT tenant_id, count(*)::int AS lines, (array_agg(encode(hash, 'hex') ORDER BY number DESC))[1] AS last_hash,
       min(expected) FILTER (WHERE number <> expected OR hash <> audit_hash(whole)
                                OR (number = 1 AND prev_hash <> ''::bytea) OR prev_hash <> hash_before) AS broken_at
  FROM line
 GROUP BY tenant_id
 ORDER BY tenant_id;
