-- page --
-- Newest first, past a cursor.
SELECT suppression_id, phone, reason, created_at
  FROM suppressions
 WHERE tenant_id = %(tenant_id)s
   AND (%(before_id)s::bigint IS NULL OR suppression_id < %(before_id)s)
   AND (%(pattern)s::text IS NULL OR phone LIKE %(pattern)s)
 ORDER BY suppression_id DESC
 LIMIT %(limit)s;

-- count --
SELECT count(*) FROM suppressions WHERE tenant_id = %(tenant_id)s;

-- add --
-- Those that are there already keep their reason and their day.
INSERT INTO suppressions (tenant_id, phone, reason)
SELECT %(tenant_id)s, phone, 'manual'
  FROM unnest(%(phones)s::text[]) WITH ORDINALITY AS given(phone, place)
 ORDER BY place
    ON CONFLICT DO NOTHING;

-- remove --
DELETE FROM suppressions
 WHERE tenant_id = %(tenant_id)s AND suppression_id = %(suppression_id)s
RETURNING reason;
