-- depends: 018_erasures
-- Of somebody who was erased, what keeps them from being written to is a keyed hash, not their phone.
ALTER TABLE suppressions
  DROP CONSTRAINT suppressions_pkey,
  ALTER COLUMN phone DROP NOT NULL,
  ADD COLUMN phone_hash bytea,                  -- HMAC of the phone; the key is not in the database
  ADD PRIMARY KEY (tenant_id, suppression_id),
  ADD CHECK ((phone IS NULL) = (phone_hash IS NOT NULL));
DROP INDEX suppressions_by_age;                 -- the primary key says the same
CREATE UNIQUE INDEX suppressions_by_phone ON suppressions (tenant_id, phone);
CREATE UNIQUE INDEX suppressions_by_hash ON suppressions (tenant_id, phone_hash) WHERE phone_hash IS NOT NULL;

-- Who was erased before this: once more, so that their phone goes as well.
SET LOCAL ROLE rapidflow_engine;
INSERT INTO erasures (tenant_id, phone)
SELECT s.tenant_id, s.phone
  FROM suppressions AS s
 WHERE s.reason = 'erased'
   AND NOT EXISTS (SELECT FROM erasures AS e WHERE e.tenant_id = s.tenant_id AND e.phone = s.phone);
RESET ROLE;
