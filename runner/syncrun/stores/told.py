"""Lists of deleted ids: which entries nothing that was read is against, and what waits for more (R33)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncrun.stores.migrations import stored_version
from syncrun.stores.staging import ORDINALS, StagedFiles, staged_value
from syncrun.stores.tables import Table
from syncrun.stores.types import SQL_KINDS, UNNEST_ROWS, bind_rows, fold, quote, quote_path
from syncrun.stores.values.commit import Commit
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.told import Told

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SINCE = 8
"""The version of the engine's tables that has one for this."""

_LIST = {"p": "VARCHAR", "list": "VARCHAR", "done": "BOOLEAN"}
_MINE = "t.connection = $connection AND t.connector = $connector AND t.sync = $sync"
_NO_TABLE = "CREATE OR REPLACE TEMP TABLE told AS SELECT '' AS p, '' AS k, NULL::{type} AS d LIMIT 0"

# What this commit brings, and what an earlier one kept of the same lists.
_LINES = """
INSERT INTO temp.told
SELECT s.p, s.k, max(TRY_CAST(s.d AS {type}))
FROM ({lines}) AS s
GROUP BY s.p, s.k
"""
_KEPT = """
SELECT t.partition AS p, t.id AS k, t.deleted_at AS d
FROM syncrun.told AS t
JOIN temp.list AS l ON l.p = t.partition AND l.list = t.list
WHERE {mine}
"""
_IN_FILE = """
SELECT f.p, f.k, f.d
FROM read_json(
    {path}, format = 'newline_delimited', columns = {{p: 'VARCHAR', k: 'VARCHAR', d: 'VARCHAR'}}
) AS f
WHERE f.p IN (SELECT l.p FROM temp.list AS l)
"""

# A record that was read is older than its deletion: it gives way.
_OLDER = """
DELETE FROM temp.staged
USING (
    SELECT f.i + {offset} AS ord
    FROM {contents} AS f
    JOIN temp.told AS o ON o.k = f.k{place}
    WHERE o.d > TRY_CAST({value} AS {type})
) AS older
WHERE staged.ord = older.ord AND staged.a = 'U'
"""

# What is left of the lists is told like a record that is flagged as deleted, after everything that was read.
_APPLY = """
INSERT INTO temp.staged (ord, p, k, h, a)
SELECT {after} + row_number() OVER (ORDER BY r._seq), r._partition, o.k, NULL, 'T'
FROM (
    SELECT t.k, max(t.d) AS d{place}
    FROM temp.told AS t
    JOIN temp.list AS l ON l.p = t.p AND l.done
    GROUP BY ALL
) AS o
JOIN {table} AS r ON r._id = o.k AND r._connection = $connection
WHERE r._action <> 'DELETED'{scope}{newer}
"""


def apply(db: DuckDBPyConnection, commit: Commit, staged: StagedFiles, table: Table, last: int | None) -> int:
    """Add to `temp.staged` the entries that hold; return how many records with content gave way to them.

    *last* is the greatest ordinal that is staged. Nothing is written: a dry run asks too.
    """
    told = commit.told
    if told is None:
        return 0
    _load(db, commit, told)
    given_way = _give_way(db, told, staged) if told.version is not None else 0
    # an entry that is older than what was read, or that cannot be told to be newer
    db.execute("DELETE FROM temp.told USING temp.staged AS s WHERE told.k = s.k")
    newer = ""
    column = table.column(told.version.column) if told.version is not None else None
    if told.version is not None and column is not None:
        kind = SQL_KINDS[told.version.kind]
        newer = f" AND coalesce(TRY_CAST(r.{quote(column.name)} AS {kind}) < o.d, TRUE)"
    sql = _APPLY.format(
        after=(last or 0) + ORDINALS,
        table=table.name,
        place=", t.p" if told.scoped else "",
        scope=" AND r._partition = o.p" if told.scoped else "",
        newer=newer,
    )
    given = {"connection": commit.run.sync.connection}
    if db.execute(sql, given).fetchall()[0][0] or given_way:
        staged.first = None
    return given_way


def keep(db: DuckDBPyConnection, commit: Commit) -> None:
    """Keep what waits until the records of its partition are read, in place of what was kept before."""
    told = commit.told
    if told is None:
        return
    owner = _owner(commit.run.sync)
    db.execute(
        f"DELETE FROM syncrun.told AS t WHERE {_MINE} AND t.partition IN (SELECT l.p FROM temp.list AS l)",
        owner,
    )
    db.execute(
        "INSERT INTO syncrun.told SELECT $connection, $connector, $sync, o.p, l.list, o.k, o.d::VARCHAR"
        " FROM temp.told AS o JOIN temp.list AS l ON l.p = o.p WHERE NOT l.done",
        owner,
    )


def forget(db: DuckDBPyConnection, sync: SyncId) -> None:
    """Drop what was kept of the lists of *sync*."""
    db.execute(f"DELETE FROM syncrun.told AS t WHERE {_MINE}", _owner(sync))


def _load(db: DuckDBPyConnection, commit: Commit, told: Told) -> None:
    kind = SQL_KINDS[told.version.kind] if told.version is not None else "VARCHAR"
    rows = [{"p": p, "list": name, "done": p in told.done} for p, name in told.lists.items()]
    db.execute(f"CREATE OR REPLACE TEMP TABLE list AS {UNNEST_ROWS}", bind_rows(rows, _LIST))
    db.execute(_NO_TABLE.format(type=kind))
    for file in told.files:
        db.execute(_LINES.format(type=kind, lines=_IN_FILE.format(path=quote_path(file.path))))
    if stored_version(db) >= SINCE:  # a dry run does not bring the tables up to date
        db.execute(_LINES.format(type=kind, lines=_KEPT.format(mine=_MINE)), _owner(commit.run.sync))


def _give_way(db: DuckDBPyConnection, told: Told, staged: StagedFiles) -> int:
    """Take the records out that are older than their deletion; return how many those were."""
    assert told.version is not None  # noqa: S101 - the caller looked
    if not db.execute("SELECT EXISTS (SELECT 1 FROM temp.told)").fetchall()[0][0]:
        return 0
    gone = 0
    for number, file in enumerate(staged.files):
        column = next((c for c in file.columns if fold(c.name) == fold(told.version.column)), None)
        if column is None:
            continue
        sql = _OLDER.format(
            offset=number * ORDINALS,
            contents=staged.contents(number),
            place=" AND o.p = coalesce(f.p, '')" if told.scoped else "",
            value=staged_value(column),
            type=SQL_KINDS[told.version.kind],
        )
        gone += int(db.execute(sql).fetchall()[0][0])
    return gone


def _owner(sync: SyncId) -> dict[str, str]:
    return {"connection": sync.connection, "connector": sync.connector, "sync": sync.sync}
