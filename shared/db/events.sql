-- append --
-- Number events of one campaign and store them, in the transaction that caused them.
  WITH numbered AS (
        UPDATE campaign_counters AS c
           SET seq = c.seq + jsonb_array_length(%(events)s::jsonb)
         WHERE c.tenant_id = %(tenant_id)s AND c.campaign_id = %(campaign_id)s
     RETURNING c.seq - jsonb_array_length(%(events)s::jsonb) AS before, c.seq)
INSERT INTO campaign_events (tenant_id, campaign_id, first_seq, last_seq, events)
SELECT %(tenant_id)s, %(campaign_id)s, n.before + 1, n.seq,
       (SELECT jsonb_agg(jsonb_build_object('seq', n.before + e.ordinal) || e.event ORDER BY e.ordinal)
          FROM jsonb_array_elements(%(events)s::jsonb) WITH ORDINALITY AS e(event, ordinal))
  FROM numbered AS n
RETURNING tenant_id, campaign_id, first_seq, last_seq, events, created_at AS at;

-- after --
-- Stored events of one campaign past a number, oldest first.
SELECT tenant_id, campaign_id, first_seq, last_seq, events, created_at AS at
  FROM campaign_events
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND last_seq > %(after_seq)s
 ORDER BY last_seq
 LIMIT %(limit)s;

-- claim_unpublished --
-- Events whose process died between commit and publish. Never "id > last seen": commits are not in
-- the order of ids.
SELECT tenant_id, campaign_id, first_seq, last_seq, events, created_at AS at
  FROM campaign_events
 WHERE published_at IS NULL AND created_at < now() - make_interval(secs => %(older_than_seconds)s)
 ORDER BY created_at
 LIMIT %(limit)s
   FOR UPDATE SKIP LOCKED;

-- mark_published --
UPDATE campaign_events AS e
   SET published_at = now()
  FROM unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(last_seqs)s::bigint[])
       AS p(tenant_id, campaign_id, last_seq)
 WHERE e.tenant_id = p.tenant_id AND e.campaign_id = p.campaign_id AND e.last_seq = p.last_seq
   AND e.published_at IS NULL;

-- audience --
-- Who a campaign's events are for, and its public name.
SELECT campaign_id, public_id, user_id, request_id
  FROM campaigns
 WHERE tenant_id = ANY(%(tenant_ids)s) AND campaign_id = ANY(%(campaign_ids)s);

-- named_contacts --
SELECT campaign_id, position, name, phone, body
  FROM contacts
  JOIN unnest(%(tenant_ids)s::bigint[], %(campaign_ids)s::bigint[], %(positions)s::int[])
       AS wanted(tenant_id, campaign_id, position) USING (tenant_id, campaign_id, position);
