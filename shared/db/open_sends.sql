-- close_windows --
-- A doubt older than its evidence window stays in doubt, but no longer blocks its recipient; a row
-- whose message is neither open nor in doubt is a leftover.
DELETE FROM open_sends AS o
 USING messages AS m
 WHERE m.tenant_id = o.tenant_id AND m.campaign_id = o.campaign_id AND m.position = o.position
   AND o.started_at < clock_timestamp() - interval '10 minutes'
   AND (o.started_at < clock_timestamp() - make_interval(secs => %(hours)s * 3600)
        OR m.status NOT IN ('sending', 'in_doubt'));

-- claim_doubts --
-- Doubts to ask the provider about now. The next look is set first, so a look that dies is not
-- repeated at once.
  WITH due AS (
        SELECT o.tenant_id, o.instance_id, o.phone
          FROM open_sends AS o
         WHERE o.in_doubt AND o.next_look_at <= clock_timestamp()
         ORDER BY o.next_look_at
         LIMIT %(limit)s
           FOR UPDATE SKIP LOCKED)
UPDATE open_sends AS o
   SET looks = o.looks + 1,
       next_look_at = o.next_look_at + make_interval(secs =>
         (%(pauses)s::double precision[])[least(o.looks + 1, cardinality(%(pauses)s::double precision[]))])
  FROM due AS d, messages AS m, contacts AS c, campaigns AS k, instances AS i
 WHERE o.tenant_id = d.tenant_id AND o.instance_id = d.instance_id AND o.phone = d.phone
   AND m.tenant_id = o.tenant_id AND m.campaign_id = o.campaign_id AND m.position = o.position
   AND c.tenant_id = o.tenant_id AND c.campaign_id = o.campaign_id AND c.position = o.position
   AND k.tenant_id = o.tenant_id AND k.campaign_id = o.campaign_id
   AND i.tenant_id = o.tenant_id AND i.instance_id = o.instance_id
RETURNING o.tenant_id, o.campaign_id, o.position, o.attempt, o.instance_id, o.phone, o.started_at, o.looks,
          c.body, k.image_url IS NOT NULL AS has_image, known_lids(o.tenant_id, o.instance_id, o.phone) AS lids,
          i.public_id, i.name, i.token;

-- look_now --
-- Something about a doubt has arrived: ask the provider at once, besides the looks it has left.
UPDATE open_sends SET next_look_at = clock_timestamp(), looks = greatest(looks - 1, 0)
 WHERE tenant_id = %(tenant_id)s AND instance_id = %(instance_id)s AND phone = %(phone)s AND in_doubt
   AND next_look_at > clock_timestamp();

-- find_by_phone --
-- The unresolved send to a phone on an instance, with the text that was sent.
SELECT o.tenant_id, o.campaign_id, o.position, o.attempt, o.in_doubt, c.body,
       k.image_url IS NOT NULL AS has_image, extract(epoch FROM o.started_at)::double precision AS started_unix
  FROM open_sends AS o
  JOIN contacts AS c USING (tenant_id, campaign_id, position)
  JOIN campaigns AS k USING (tenant_id, campaign_id)
 WHERE o.tenant_id = %(tenant_id)s AND o.instance_id = %(instance_id)s AND o.phone = %(phone)s;

-- find_by_text --
-- Open sends of an instance with this text: what is left where an event names its recipient by a hidden id.
SELECT o.tenant_id, o.campaign_id, o.position, o.attempt, o.in_doubt, c.body,
       k.image_url IS NOT NULL AS has_image, extract(epoch FROM o.started_at)::double precision AS started_unix
  FROM open_sends AS o
  JOIN contacts AS c USING (tenant_id, campaign_id, position)
  JOIN campaigns AS k USING (tenant_id, campaign_id)
 WHERE o.tenant_id = %(tenant_id)s AND o.instance_id = %(instance_id)s
   AND c.body = %(body)s
   AND o.started_at BETWEEN to_timestamp(%(at_unix)s - %(before)s) AND to_timestamp(%(at_unix)s + %(before)s)
 LIMIT 2;

-- owned --
-- Which of these provider ids already belong to a message.
SELECT provider_id FROM messages
 WHERE instance_id = %(instance_id)s AND provider_id = ANY(%(provider_ids)s);
