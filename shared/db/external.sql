-- find_campaign --
-- Whose campaign a callback speaks of, and who sends it (rapidflow_auth).
SELECT tenant_id, campaign_id, public_id, executor
  FROM campaigns
 WHERE campaign_id = %(campaign_id)s OR public_id = %(public_id)s
 LIMIT 1;

-- start --
-- The first word of an external workflow starts its campaign.
UPDATE campaigns
   SET status = 'running', started_at = coalesce(started_at, clock_timestamp())
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s
   AND status IN ('pending', 'scheduled') AND executor = 'external'
RETURNING status;

-- find_message --
-- The contact a workflow speaks of; a sendable one before a skipped row of the same number.
SELECT m.position, m.status
  FROM contacts AS c
  JOIN messages AS m USING (tenant_id, campaign_id, position)
 WHERE c.tenant_id = %(tenant_id)s AND c.campaign_id = %(campaign_id)s AND c.phone = ANY(%(phones)s::text[])
 ORDER BY c.body IS NULL, m.position
 LIMIT 1;

-- begin --
-- pending -> sending, within the transaction that settles it: no one else ever sees it.
  WITH begun AS (
        UPDATE messages AS m
           SET status = 'sending', attempts = m.attempts + 1, lease_id = %(lease_id)s
         WHERE m.tenant_id = %(tenant_id)s AND m.campaign_id = %(campaign_id)s
           AND m.position = %(position)s AND m.status = 'pending'
     RETURNING m.tenant_id, m.campaign_id, m.position, m.attempts, m.lease_id),
       logged AS (
        INSERT INTO attempts (tenant_id, campaign_id, position, number, lease_id)
        SELECT tenant_id, campaign_id, position, attempts, lease_id FROM begun)
SELECT attempts FROM begun;

-- keep_text --
-- The text that was really sent.
UPDATE contacts
   SET body = %(text)s
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND position = %(position)s
   AND body IS NOT NULL;

-- report --
-- What the workflow says of the whole; a late or repeated word changes nothing.
UPDATE external_reports
   SET position = %(position)s, sent = %(sent)s, errors = %(errors)s, reported_at = now()
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND completed_at IS NULL
   AND (position < %(position)s
        OR (position = %(position)s AND (sent, errors) <> (%(sent)s, %(errors)s)));

-- complete_report --
UPDATE external_reports
   SET completed_at = now(), sent = %(sent)s, errors = %(errors)s, position = greatest(position, %(sent)s + %(errors)s)
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND completed_at IS NULL;

-- doubt_unreported --
-- The workflow is over and never said what happened to these: nobody knows.
  WITH open AS MATERIALIZED (
        SELECT position FROM messages
         WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s AND status = 'pending'
         ORDER BY position
           FOR UPDATE),
       moved AS (
        UPDATE messages AS m
           SET status = 'in_doubt', reason = 'not_reported', due_at = NULL
          FROM open AS o
         WHERE m.tenant_id = %(tenant_id)s AND m.campaign_id = %(campaign_id)s AND m.position = o.position
     RETURNING 1),
       counted AS (
        UPDATE campaign_counters
           SET in_doubt = in_doubt + (SELECT count(*) FROM moved)
         WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s
     RETURNING tenant_id)
UPDATE tenant_totals AS x
   SET in_doubt = x.in_doubt + (SELECT count(*) FROM moved)
  FROM counted AS c
 WHERE x.tenant_id = c.tenant_id
RETURNING (SELECT count(*) FROM moved);

-- find_report --
SELECT position, sent, errors, reported_at, completed_at
  FROM external_reports
 WHERE tenant_id = %(tenant_id)s AND campaign_id = %(campaign_id)s;
