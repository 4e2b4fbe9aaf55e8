-- What was last asked for with pause and resume; an empty sync stands for all of the connection.
CREATE TABLE syncrun.states (
    connection VARCHAR,
    connector VARCHAR,
    sync VARCHAR,
    paused BOOLEAN,
    changed_at TIMESTAMPTZ
);
