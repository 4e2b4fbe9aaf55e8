"""A query reads the database, and nothing else: what people write can neither change nor open anything."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from syncrun.errors import StoreError
from syncrun.stores.duckdb import DuckDBStore
from tests.unit.stores.desk import Desk, put

READING = """
SELECT id FROM lab.items
(SELECT 1)
WITH a AS (SELECT 1 AS n) SELECT * FROM a
VALUES (1), (2)
FROM lab.items
TABLE lab.items
SELECT 'a; b' AS text -- a comment; with a semicolon
/* first */ SELECT 1;
SELECT $$DELETE FROM x; DROP TABLE y$$ AS text
EXPLAIN SELECT * FROM lab.items
EXPLAIN ANALYZE SELECT * FROM lab.items
EXPLAIN (FORMAT json) SELECT 1
explain analyze select 1
DESCRIBE lab.items
DESCRIBE SELECT 1
SHOW TABLES
SHOW ALL TABLES
SHOW lab.items
SUMMARIZE lab.items
SUMMARIZE SELECT 1 AS n
PRAGMA table_info('lab.items')
PRAGMA database_size
PRAGMA version
PIVOT lab.items ON name USING count(*)
PIVOT lab.items ON name, id USING count(*)
SELECT * FROM (PIVOT lab.items ON name USING count(*))
UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b
SELECT query FROM (SELECT 1 AS query)
""".strip().splitlines()

# what changes the database, the instance, or another file
CHANGING = """
INSERT INTO lab.items__records SELECT * FROM lab.items__records
UPDATE lab.items__records SET name = 'x'
DELETE FROM lab.items__records
DELETE FROM lab.items__records RETURNING *
TRUNCATE lab.items__records
MERGE INTO lab.items__records USING (SELECT 1 AS n) s ON TRUE WHEN MATCHED THEN DELETE
WITH x AS (DELETE FROM lab.items__records RETURNING *) SELECT * FROM x
CREATE TABLE t (a INTEGER)
CREATE TEMP TABLE t AS SELECT 1
CREATE MACRO m() AS 1
CREATE SCHEMA s
CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')
DROP TABLE lab.items__records
DROP SCHEMA lab CASCADE
ALTER TABLE lab.items__records ADD COLUMN b INTEGER
COMMENT ON TABLE lab.items__records IS 'x'
ATTACH '{out}' AS o
DETACH memory
USE memory
COPY lab.items__records TO '{out}'
COPY (SELECT 1) TO '{out}' (FORMAT parquet)
COPY lab.items__records FROM '{there}'
COPY FROM DATABASE memory TO memory
EXPORT DATABASE '{out}'
IMPORT DATABASE '{out}'
INSTALL httpfs
LOAD httpfs
FORCE INSTALL sqlite FROM community
SET threads = 1
SET GLOBAL enable_external_access = true
SET VARIABLE x = 1
RESET threads
PRAGMA threads = 1
PRAGMA enable_profiling
PRAGMA enable_logging
PRAGMA profiling_output = '{out}'
PRAGMA force_checkpoint
PRAGMA import_database('{out}')
CHECKPOINT
CALL pragma_version()
CALL enable_logging(storage = 'file', storage_path = '{out}')
BEGIN
BEGIN; DELETE FROM lab.items__records; COMMIT
PREPARE p AS SELECT 1
EXECUTE p
VACUUM
ANALYZE
EXPLAIN ANALYZE DELETE FROM lab.items__records
EXPLAIN (ANALYZE) DELETE FROM lab.items__records
EXPLAIN (FORMAT json, ANALYZE) DELETE FROM lab.items__records
EXPLAIN ANALYZE CREATE TABLE t (a INTEGER)
EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}'
/**/ EXPLAIN -- x
EXPLAIN EXPLAIN ANALYZE DELETE FROM lab.items__records
SELECT 1; DELETE FROM lab.items__records
SELECT 1; SELECT 2
PIVOT lab.items ON name USING count(*); SELECT 1
PIVOT lab.items ON name USING count(*); PIVOT lab.items ON id USING count(*)
CREATE TYPE t AS ENUM ('a'); SELECT 1
;;
-- nothing
SELECT * FROM enable_logging('QueryLog', storage = 'file', storage_path = '{out}')
SELECT * FROM system.main."enable_logging"/**/('QueryLog', storage = 'file', storage_path = '{out}')
SELECT * FROM query('SELECT * FROM enable_' || 'logging(storage = ''file'', storage_path = ''{out}'')')
SELECT * FROM "query" ('SELECT 1')
SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))
SELECT * FROM force_checkpoint()
""".strip().splitlines()

# what opens a file, a network connection or an extension
OPENING = """
SELECT * FROM read_csv('{there}')
SELECT * FROM read_text('{there}')
SELECT * FROM read_blob('{there}')
SELECT * FROM read_json('{there}')
SELECT * FROM read_parquet('{there}')
SELECT * FROM '{there}'
FROM '{there}'
SELECT * FROM glob('{folder}/*')
SELECT * FROM sniff_csv('{there}')
SELECT * FROM parquet_metadata('{there}')
SELECT * FROM read_csv('/proc/self/environ')
SELECT * FROM read_text('../../../../../../etc/passwd')
SELECT * FROM 'https://127.0.0.1:1/x.csv'
SELECT * FROM read_csv('s3://bucket/x.csv')
SELECT getenv('HOME')
SELECT * FROM sqlite_scan('{there}', 't')
SELECT * FROM iceberg_scan('{there}')
DESCRIBE SELECT * FROM read_csv('{there}')
SUMMARIZE '{there}'
EXPLAIN ANALYZE SELECT * FROM read_csv('{there}')
PIVOT read_csv('{there}') ON a USING count(*)
SELECT (SELECT content FROM read_text('{there}'))
SELECT * FROM query_table('{there}')
""".strip().splitlines()


@pytest.fixture
def place(desk: Desk) -> Callable[[str], str]:
    """A database with one record, a file beside it, and how to name both in SQL."""
    desk.commit(put(1, name="one"))
    there = desk.folder / "there.csv"
    there.write_text("a\n1\n")
    names = {"out": desk.folder / "out", "there": there, "folder": desk.folder}
    return lambda sql: sql.format(**names) if "{" in sql else sql


def state(folder: Path) -> dict[str, str]:
    """Return what every file in *folder* is."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("sql", READING)
def test_what_reads_is_run(desk: Desk, place: Callable[[str], str], sql: str) -> None:
    before = state(desk.folder)
    result = desk.store.query(place(sql))
    assert all(len(row) == len(result.columns) > 0 for row in result.rows)
    assert state(desk.folder) == before


@pytest.mark.parametrize("sql", CHANGING)
def test_what_changes_anything_is_refused(desk: Desk, place: Callable[[str], str], sql: str) -> None:
    before = state(desk.folder)
    for files in (False, True):
        with pytest.raises(StoreError):
            list(desk.store.query(place(sql), files=files).rows)
        with pytest.raises(StoreError):
            desk.store.export(place(sql), desk.folder / "x.parquet", files=files)
    assert state(desk.folder) == before
    assert desk.live() == {1: "one"}


@pytest.mark.parametrize("sql", OPENING)
def test_what_opens_something_else_is_refused(desk: Desk, place: Callable[[str], str], sql: str) -> None:
    with pytest.raises(StoreError):
        list(desk.store.query(place(sql)).rows)
    with pytest.raises(StoreError):
        desk.store.export(place(sql), desk.folder / "x.parquet")
    assert not (desk.folder / "x.parquet").exists()


@pytest.mark.parametrize("sql", READING)
def test_what_reads_can_be_written_as_parquet(desk: Desk, place: Callable[[str], str], sql: str) -> None:
    path = desk.folder / "x.parquet"
    for _ in range(2):  # also over one that is there
        desk.store.export(place(sql), path)
        assert duckdb.execute(f"SELECT count(*) FROM '{path}'").fetchall() >= [(0,)]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (
            "SELECT 1; SELECT 2",
            "a query is one statement, and this is 2\n  hint: run them one by one",
        ),
        (
            "SET threads = 1",
            (
                "queries are read-only, and SET does not just read\n  hint: a query begins with SELECT, WITH, FROM,"
                " VALUES, EXPLAIN, DESCRIBE, SHOW, SUMMARIZE or PRAGMA; change the database with another DuckDB"
                " client, in a schema that no connector has"
            ),
        ),
        (
            "SELECT * FROM sqlite_scan('a', 'b')",
            (
                "this takes DuckDB's extension sqlite_scanner, and queries load none\n  hint: use another DuckDB"
                " client, with the database opened read-only"
            ),
        ),
        (
            "SELECT * FROM query('SELECT 1')",
            "queries are read-only: they may not call query\n  hint: write the SQL itself",
        ),
    ],
)
def test_what_is_refused_is_told(desk: Desk, sql: str, told: str) -> None:
    desk.commit(put(1))
    with pytest.raises(StoreError) as caught:
        desk.store.query(sql)
    assert str(caught.value) == told


def test_files_may_be_read_when_that_is_allowed_and_the_next_query_may_not(
    desk: Desk, place: Callable[[str], str]
) -> None:
    sql = place("SELECT a FROM read_csv('{there}')")
    assert list(desk.store.query(sql, files=True).rows) == [(1,)]
    with pytest.raises(StoreError, match="reads nothing but the database"):
        desk.store.query(sql)
    desk.commit(put(2))  # and a run reads its staging files as before


def test_a_query_has_room_on_disk_for_what_it_sorts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.commit(put(1))
    monkeypatch.setattr("syncrun.stores.instances._MEMORY", 96)
    monkeypatch.setattr("syncrun.stores.instances._MOST_THREADS", 1)
    sql = "SELECT range, repeat('x', 300) AS text FROM range(600_000) ORDER BY random()"
    assert len(list(DuckDBStore(desk.path).query(sql).rows)) == 600_000
