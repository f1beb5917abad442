-- depends: 009_circuits
-- Doubts that do not end by evidence: what a campaign does about them, and what people decided. And an
-- audit log whose lines hold on to each other.

-- hold: wait for a person. give_up: failed after so many hours. resend_once: sent again after so many
-- hours in which the provider had nothing to show, once per message.
ALTER TABLE campaigns
  ADD COLUMN doubt_policy      text NOT NULL DEFAULT 'hold'
             CHECK (doubt_policy IN ('hold', 'give_up', 'resend_once')),
  ADD COLUMN doubt_after_hours int NOT NULL DEFAULT 24 CHECK (doubt_after_hours BETWEEN 1 AND 168),
  ADD COLUMN doubts_seen_at    timestamptz,  -- a person resumed it: what was open then pauses it no more
  ADD COLUMN pause_reason      text;         -- NULL: a person paused it
CREATE INDEX campaigns_with_doubt_policy ON campaigns (doubt_policy, campaign_id) WHERE doubt_policy <> 'hold';

-- A doubt's due_at, which nothing else reads, is when its policy looks at it next.
ALTER TABLE messages
  ADD COLUMN decided_at timestamptz,   -- its outcome is a decision, made then
  ADD COLUMN resent_at  timestamptz;   -- put back though it may have been sent

-- When the newest message was sent that the provider's search has shown us: what is older and not
-- shown was probably never sent.
ALTER TABLE instances ADD COLUMN lookup_found_at timestamptz;

-- The audit log: a number per tenant without gaps, and a hash over the line and the one before it.
ALTER TABLE audit_log ADD COLUMN number bigint, ADD COLUMN prev_hash bytea, ADD COLUMN hash bytea;

CREATE FUNCTION audit_hash(line audit_log)
RETURNS bytea LANGUAGE sql STABLE
AS $hash$
  SELECT sha256(line.prev_hash || convert_to(jsonb_build_array(
           line.tenant_id, line.number, to_char(line.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
           line.actor, line.action, line.subject, line.detail)::text, 'UTF8'))
$hash$;

-- One line at a time per tenant, until the end of the transaction: so write it last.
CREATE FUNCTION chain_audit_line()
RETURNS trigger LANGUAGE plpgsql
AS $chain$
DECLARE
  last record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('audit_log', NEW.tenant_id));
  SELECT a.number, a.hash INTO last
    FROM audit_log AS a WHERE a.tenant_id = NEW.tenant_id ORDER BY a.number DESC LIMIT 1;
  NEW.number := coalesce(last.number, 0) + 1;
  NEW.prev_hash := coalesce(last.hash, ''::bytea);
  NEW.hash := audit_hash(NEW);
  RETURN NEW;
END
$chain$;

-- Lines that are there already, in the order they came. The owner sees no rows of a protected table.
ALTER TABLE audit_log NO FORCE ROW LEVEL SECURITY;
DO $backfill$
DECLARE
  line audit_log;
  before audit_log;
BEGIN
  FOR line IN SELECT * FROM audit_log ORDER BY tenant_id, audit_id LOOP
    IF before.tenant_id IS DISTINCT FROM line.tenant_id THEN
      before := NULL;
    END IF;
    line.number := coalesce(before.number, 0) + 1;
    line.prev_hash := coalesce(before.hash, ''::bytea);
    line.hash := audit_hash(line);
    UPDATE audit_log SET number = line.number, prev_hash = line.prev_hash, hash = line.hash
     WHERE tenant_id = line.tenant_id AND audit_id = line.audit_id;
    before := line;
  END LOOP;
END
$backfill$;
ALTER TABLE audit_log FORCE ROW LEVEL SECURITY;

ALTER TABLE audit_log
  ALTER COLUMN number SET NOT NULL, ALTER COLUMN prev_hash SET NOT NULL, ALTER COLUMN hash SET NOT NULL;
CREATE UNIQUE INDEX audit_log_in_order ON audit_log (tenant_id, number);
CREATE TRIGGER audit_log_chain BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION chain_audit_line();

-- Hidden ids (…@lid) under which WhatsApp has shown a phone to an instance before.
CREATE FUNCTION known_lids(tenant bigint, instance bigint, digits text)
RETURNS text[] LANGUAGE sql STABLE
AS $lids$
  SELECT ARRAY(SELECT DISTINCT m.remote_jid
                 FROM contacts AS c
                 JOIN messages AS m USING (tenant_id, campaign_id, position)
                WHERE c.tenant_id = tenant AND c.phone = digits AND c.body IS NOT NULL
                  AND m.instance_id = instance AND m.remote_jid LIKE '%@lid'
                LIMIT 3)
$lids$;
