-- What a list of deleted ids says of a partition whose records are not yet read to their end.
CREATE TABLE syncrun.told (
    connection VARCHAR,
    connector VARCHAR,
    sync VARCHAR,
    partition VARCHAR,
    list VARCHAR,
    id VARCHAR,
    deleted_at VARCHAR
);
