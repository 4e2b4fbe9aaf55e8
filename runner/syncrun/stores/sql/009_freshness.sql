-- When a run's read began, where it went on with the read of an earlier run.
ALTER TABLE syncrun.runs ADD COLUMN fresh_at TIMESTAMPTZ;
