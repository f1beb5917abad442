-- depends: 017_inbox_statement
-- People who asked for their data to go. The request knows the phone until it is done.
CREATE TABLE erasures (
  tenant_id    bigint NOT NULL REFERENCES tenants ON DELETE CASCADE,
  erasure_id   bigint GENERATED ALWAYS AS IDENTITY,
  phone        text,                            -- NULL: done
  requested_at timestamptz NOT NULL DEFAULT now(),
  look_at      timestamptz NOT NULL DEFAULT now(),
  done_at      timestamptz,
  contacts     int NOT NULL DEFAULT 0,          -- emptied so far
  PRIMARY KEY (tenant_id, erasure_id),
  CHECK ((phone IS NULL) = (done_at IS NOT NULL))
);
CALL protect('erasures', 'SELECT, INSERT');
CREATE INDEX erasures_open ON erasures (look_at) WHERE done_at IS NULL;

-- Skipped contacts have their phone as it was given: the last eight digits are in every form of it.
CREATE INDEX contacts_skipped_by_phone ON contacts (tenant_id, right(regexp_replace(phone, '\D', '', 'g'), 8))
 WHERE body IS NULL AND phone <> '';
CREATE INDEX known_lids_by_phone ON known_lids (tenant_id, phone);
