-- What the database is: its identity is made with it and stays the same in every copy of it.
CREATE TABLE syncrun.meta (name VARCHAR, value VARCHAR);
INSERT INTO syncrun.meta VALUES ('identity', CAST(uuid() AS VARCHAR));

-- The newest commits, each with a mark of its own: an older copy of the database lacks some of them.
CREATE TABLE syncrun.commits (number BIGINT, mark VARCHAR);

-- Which project a connection is of, and where the database was then.
CREATE TABLE syncrun.homes (connection VARCHAR, project VARCHAR, file VARCHAR);
