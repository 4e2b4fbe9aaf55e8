-- Live records that complete reads in a row have not seen, and that are not deleted yet: `misses` so many
-- times, first `since`. `sync` is the one that looked for them.
CREATE TABLE syncrun.missing (
    connection VARCHAR,
    connector VARCHAR,
    model VARCHAR,
    id VARCHAR,
    partition VARCHAR,
    sync VARCHAR,
    misses INTEGER,
    since TIMESTAMPTZ,
    run_id VARCHAR
);
