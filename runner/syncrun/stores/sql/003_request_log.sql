-- What a run sent and what it had to say, in the order of `seq`, which both tables share.
CREATE TABLE syncrun.requests (
    run_id VARCHAR,
    seq BIGINT,
    sent_at TIMESTAMPTZ,
    method VARCHAR,
    url VARCHAR,
    status INTEGER,
    ms DOUBLE,
    bytes BIGINT,
    attempt INTEGER,
    queued_ms DOUBLE,
    wait_ms DOUBLE,
    reason VARCHAR
);

CREATE TABLE syncrun.logs (
    run_id VARCHAR,
    seq BIGINT,
    logged_at TIMESTAMPTZ,
    level VARCHAR,
    message VARCHAR
);
