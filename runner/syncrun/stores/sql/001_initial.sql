CREATE SCHEMA syncrun;

CREATE TABLE syncrun.migrations (
    version INTEGER,
    applied_at TIMESTAMPTZ
);

-- The position of the newest change in the change feed; one row.
CREATE TABLE syncrun.sequence (last BIGINT);
INSERT INTO syncrun.sequence VALUES (0);

CREATE TABLE syncrun.runs (
    id VARCHAR,
    connection VARCHAR,
    connector VARCHAR,
    sync VARCHAR,
    model VARCHAR,
    mode VARCHAR,
    status VARCHAR,
    started_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    message VARCHAR,
    records BIGINT,
    added BIGINT,
    updated BIGINT,
    deleted BIGINT,
    unchanged BIGINT,
    duplicates BIGINT,
    quarantined BIGINT,
    pages BIGINT,
    requests BIGINT,
    last_commit VARCHAR
);

CREATE TABLE syncrun.checkpoints (
    connection VARCHAR,
    connector VARCHAR,
    sync VARCHAR,
    partition VARCHAR,
    state VARCHAR,
    run_id VARCHAR,
    updated_at TIMESTAMPTZ
);

-- Open snapshot windows. Records that others changed after it opened count as seen.
CREATE TABLE syncrun.snapshots (
    id VARCHAR,
    connection VARCHAR,
    connector VARCHAR,
    sync VARCHAR,
    model VARCHAR,
    run_id VARCHAR,
    opened_at TIMESTAMPTZ,
    opened_seq BIGINT
);

CREATE TABLE syncrun.seen (
    snapshot VARCHAR,
    partition VARCHAR,
    id VARCHAR
);

CREATE TABLE syncrun.quarantine (
    run_id VARCHAR,
    connection VARCHAR,
    connector VARCHAR,
    sync VARCHAR,
    model VARCHAR,
    partition VARCHAR,
    key VARCHAR,
    reason VARCHAR,
    path VARCHAR,
    raw VARCHAR,
    rejected_at TIMESTAMPTZ
);
