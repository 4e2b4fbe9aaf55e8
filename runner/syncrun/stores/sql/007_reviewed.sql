-- When a person looked at a rejected record; it stays reviewed while it is rejected as it was.
ALTER TABLE syncrun.quarantine ADD COLUMN reviewed_at TIMESTAMPTZ;
