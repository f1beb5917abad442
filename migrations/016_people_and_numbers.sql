-- depends: 015_retention
-- Numbers a person has paused, and suppressions that can be listed by age and named without their phone.

-- Set: nothing new is given to this instance, whatever its state. What a worker already has in hand leaves.
ALTER TABLE instances ADD COLUMN paused_at timestamptz;

ALTER TABLE suppressions ADD COLUMN suppression_id bigint GENERATED ALWAYS AS IDENTITY;
CREATE UNIQUE INDEX suppressions_by_age ON suppressions (tenant_id, suppression_id DESC);
