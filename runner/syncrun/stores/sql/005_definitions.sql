-- Versions of connectors that were deployed: never changed. `files` is JSON, texts by name; `name` is the
-- connector's own file among them.
CREATE TABLE syncrun.definitions (
    connector VARCHAR,
    version VARCHAR,
    digest VARCHAR,
    name VARCHAR,
    files VARCHAR,
    created_at TIMESTAMPTZ
);

-- What was deployed where and when: of an environment's connector the newest row is what its runs use.
CREATE TABLE syncrun.deployments (
    position BIGINT,
    environment VARCHAR,
    connector VARCHAR,
    digest VARCHAR,
    deployed_at TIMESTAMPTZ
);
