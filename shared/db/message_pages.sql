-- page --
-- Messages of one campaign in the order of its list.
SELECT m.position, c.name, c.phone, c.body, m.status, m.reason, m.detail, m.attempts,
       nullif(m.due_at, 'infinity') AS due_at,
       m.sent_at, m.delivered_at, m.read_at, m.replied_at, m.provider_id, m.duplicate_suspected,
       i.name AS instance
  FROM messages AS m
  JOIN contacts AS c USING (tenant_id, campaign_id, position)
  LEFT JOIN instances AS i ON i.tenant_id = m.tenant_id AND i.instance_id = m.instance_id
 WHERE m.tenant_id = %(tenant_id)s AND m.campaign_id = %(campaign_id)s AND m.position > %(after)s
   AND (%(statuses)s::text[] IS NULL OR m.status = ANY(%(statuses)s::text[]))
   AND (NOT %(acked)s OR m.acked_at IS NOT NULL)
   AND (NOT %(replied)s OR m.replied_at IS NOT NULL)
   AND (%(reason)s::text IS NULL OR m.reason = %(reason)s)
   AND (%(pattern)s::text IS NULL OR c.name ILIKE %(pattern)s OR c.phone LIKE %(phone_pattern)s)
 ORDER BY m.position
 LIMIT %(limit)s;
