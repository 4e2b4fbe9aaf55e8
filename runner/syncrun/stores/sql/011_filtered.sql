-- How many records of a run `where` or a hook left out.
ALTER TABLE syncrun.runs ADD COLUMN filtered BIGINT;
