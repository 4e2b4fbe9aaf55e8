"""Records that complete reads missed and that are not deleted yet: another read has to miss them (R32)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from syncrun.stores.migrations import stored_version
from syncrun.stores.types import quote_text
from syncrun.stores.values.commit import Commit
from syncrun.stores.values.ids import ModelId, SyncId

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SINCE = 10  # the version of the engine's tables

_MINE = "m.connection = $connection AND m.connector = $connector AND m.model = $model"
_SEEN = f"""
DELETE FROM syncrun.missing AS m
WHERE {_MINE} AND m.id IN (SELECT s.k FROM temp.staged AS s)
"""
_JUDGED = f"""
DELETE FROM syncrun.missing AS m
WHERE {_MINE} AND m.id IN (SELECT a.id FROM temp.missing AS a)
"""
_WAITING = """
INSERT INTO syncrun.missing (connection, connector, model, id, partition, sync, misses, since, run_id)
SELECT $connection, $connector, $model, a.id, a.partition, $sync, a.misses, coalesce(a.since, $at), $run
FROM temp.missing AS a WHERE a.may AND NOT a.due
"""
_WAITING_EACH = """
INSERT INTO syncrun.missing (connection, connector, model, id, partition, sync, misses, since, run_id)
SELECT o.connection, $connector, $model, a.id, a.partition, o.sync, 1, o.at, o.run
FROM temp.missing AS a JOIN temp.member AS o ON o.n = a.n WHERE NOT a.due
"""


def are_known(db: DuckDBPyConnection, commit: Commit) -> bool:
    """Whether records of the commit's model are missing; a database of an earlier version knows none."""
    if stored_version(db) < _SINCE:
        return False
    sql = f"SELECT 1 FROM syncrun.missing AS m WHERE {_MINE} LIMIT 1"
    return bool(db.execute(sql, _owner(commit)).fetchall())


def found_again(db: DuckDBPyConnection, commit: Commit) -> None:
    """Forget of the records that *commit* has staged that they were missing: they were seen, or deleted."""
    db.execute(_SEEN, _owner(commit))


def judged(db: DuckDBPyConnection, commit: Commit, *, known: bool, waiting: int) -> None:
    """Write what became of the records in `temp.missing`: those that are due are deleted, so many wait.

    *known* tells whether any were missing before.
    """
    if known:
        db.execute(_JUDGED, _owner(commit))
    if waiting:
        sync = {"sync": commit.run.sync.sync, "at": commit.at, "run": commit.run.id}
        db.execute(_WAITING, _owner(commit) | sync)


def judged_each(db: DuckDBPyConnection, commit: Commit) -> None:
    """Write that the records in `temp.missing` wait that are not due, of several runs to the same model."""
    db.execute(_WAITING_EACH, {"connector": commit.model.connector, "model": commit.model.name})


def count_of(db: DuckDBPyConnection, commit: Commit) -> int:
    """Return how many records of the commit's model are missing."""
    sql = f"SELECT count(*) FROM syncrun.missing AS m WHERE {_MINE}"
    return int(db.execute(sql, _owner(commit)).fetchall()[0][0])


def count(db: DuckDBPyConnection) -> dict[ModelId, int]:
    """Return how many records are missing, by connection and model."""
    if stored_version(db) < _SINCE:
        return {}
    rows = db.execute(
        "SELECT m.connection, m.connector, m.model, count(*) FROM syncrun.missing AS m GROUP BY ALL"
    ).fetchall()
    return {ModelId(*row[:3]): row[3] for row in rows}


def partitions(db: DuckDBPyConnection, syncs: Mapping[SyncId, str]) -> dict[SyncId, frozenset[str]]:
    """Return for each of *syncs*, with its model, the partitions that have missing records, if any."""
    if stored_version(db) < _SINCE:
        return {}
    rows = db.execute(
        "SELECT m.connection, m.connector, m.model, list(DISTINCT m.partition)"
        " FROM syncrun.missing AS m GROUP BY ALL"
    ).fetchall()
    found = {ModelId(*row[:3]): frozenset(row[3]) for row in rows}
    models = {sync: ModelId(sync.connection, sync.connector, model) for sync, model in syncs.items()}
    return {sync: found[model] for sync, model in models.items() if model in found}


def owners(db: DuckDBPyConnection, connections: Collection[str]) -> set[ModelId]:
    """Return the models of *connections* of which records are missing."""
    names = ", ".join(map(quote_text, connections))
    rows = db.execute(
        "SELECT DISTINCT m.connection, m.connector, m.model FROM syncrun.missing AS m"
        f" WHERE m.connection IN ({names})"
    ).fetchall()
    return {ModelId(*row) for row in rows}


def forget(db: DuckDBPyConnection, sync: SyncId) -> None:
    """Forget what *sync* has missed."""
    if stored_version(db) < _SINCE:
        return
    db.execute(
        "DELETE FROM syncrun.missing WHERE connection = ? AND connector = ? AND sync = ?",
        [sync.connection, sync.connector, sync.sync],
    )


def _owner(commit: Commit) -> dict[str, str]:
    return {
        "connection": commit.run.sync.connection,
        "connector": commit.model.connector,
        "model": commit.model.name,
    }
