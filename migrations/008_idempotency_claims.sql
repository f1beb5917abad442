-- depends: 007_pace_ceilings
-- Effects outside our transactions (an instance in Evolution) claim their key first: a row without
-- a status is a request at work until `claimed_until`; after that its process is taken for dead.
-- `answer` of a claim holds what the next process needs to finish the work.
ALTER TABLE idempotency_keys ALTER COLUMN status DROP NOT NULL;
ALTER TABLE idempotency_keys ADD COLUMN claim_id uuid;
ALTER TABLE idempotency_keys ADD COLUMN claimed_until timestamptz;
GRANT UPDATE (status, answer, claim_id, claimed_until), DELETE ON idempotency_keys TO rapidflow_app;
