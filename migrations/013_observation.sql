-- depends: 012_receipts
-- What operators see of the engine.

-- A duty that one process at a time has: whoever holds it renews it, anybody takes it once it lapses.
-- It saves work and keeps one voice; nothing depends on it for being right.
CREATE TABLE duties (
  duty       text PRIMARY KEY,
  holder     text NOT NULL,
  held_until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Counts that must outlive the process that makes them, such as why it ended.
CREATE TABLE engine_tallies (
  name  text NOT NULL,
  label text NOT NULL,
  count bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (name, label)
);

GRANT SELECT, INSERT, UPDATE ON duties, engine_tallies TO rapidflow_engine;
