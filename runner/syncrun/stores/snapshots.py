"""Snapshot windows: what a complete enumeration did not see is deleted, behind a guard (R7 to R10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncrun.stores import unseen
from syncrun.stores.owners import several
from syncrun.stores.types import SQL_KINDS, UNNEST_TEXTS, bind_texts, quote
from syncrun.stores.unseen import OLD, seen_in, was_seen
from syncrun.stores.values.commit import Commit, Reach, Refusal, SnapshotDeletes
from syncrun.stores.values.ids import SyncId
from syncrun.wording import counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SMALL = 20  # fewer live records than this are not judged by their ratio

# Live records in scope that nobody saw. What another run wrote after the window opened (a webhook) counts as
# seen, and so does what this window's own commits wrote.
_MISSING = """
CREATE OR REPLACE TEMP TABLE missing AS
SELECT r.rowid AS row_id, $last + row_number() OVER (ORDER BY r._seq) AS seq
FROM {table} AS r
WHERE {live}
    AND (r._seq <= $opened_seq AND (r._last_modified_at <= $opened_at OR r._run_id = $run){by_window})
    AND NOT EXISTS (SELECT 1 FROM temp.staged AS s WHERE s.k = r._id)
    AND NOT EXISTS (SELECT 1 FROM {seen} AS n WHERE n.snapshot = $snapshot AND n.id = r._id)
"""

_TOMBSTONES = """
UPDATE {table} SET
    _action = 'DELETED', _deleted_at = $at, _last_modified_at = $at, _seq = m.seq, _run_id = $run
FROM temp.missing AS m
WHERE {table}.rowid = m.row_id
"""


# The same for several runs whose windows begin and end with their commits, which are in `temp.member`.
_MISSING_EACH = """
CREATE OR REPLACE TEMP TABLE missing AS
SELECT m.n, r.rowid AS row_id, $last + row_number() OVER (ORDER BY m.n, r._seq) AS seq
FROM {table} AS r
JOIN temp.member AS m ON m.connection = r._connection
WHERE m.n IN ({numbers})
    AND {mine}
    AND r._action <> 'DELETED'
    AND r._seq <= $opened_seq
    AND r._last_modified_at <= m.since
    AND NOT EXISTS (SELECT 1 FROM temp.staged AS s WHERE s.k = r._id AND s.n = m.n)
"""
_LIVE_EACH = """
SELECT r._connection, count(*) FROM {table} AS r
WHERE {mine} AND r._action <> 'DELETED' AND NOT (r._action = 'ADDED' AND r._seq > ?)
GROUP BY r._connection
"""
_TOMBSTONES_EACH = """
UPDATE {table} SET
    _action = 'DELETED', _deleted_at = o.at, _last_modified_at = o.at, _seq = m.seq, _run_id = o.run
FROM temp.missing AS m
JOIN temp.member AS o ON o.n = m.n
WHERE {table}.rowid = m.row_id
"""


@dataclass(frozen=True, slots=True)
class Window:
    """Since when a snapshot is being taken; *id* is empty for one that begins and ends with its commit."""

    id: str
    opened_at: datetime
    opened_seq: int


def window_of(db: DuckDBPyConnection, commit: Commit, seq: int) -> Window:
    """Return the window of *commit*; one that is not open yet began with the run, at position *seq*."""
    if commit.snapshot is None:
        return Window("", commit.run.started_at, seq)
    rows = db.execute(
        "SELECT id, opened_at, opened_seq FROM syncrun.snapshots WHERE id = ?"
        " AND connection = ? AND connector = ? AND sync = ?",
        [commit.snapshot, *_owner(commit.run.sync)],
    ).fetchall()
    return Window(*rows[0]) if rows else Window("", commit.run.started_at, seq)


def settle(
    db: DuckDBPyConnection, commit: Commit, table: str, window: Window, last: int
) -> tuple[int, Refusal | None]:
    """Delete what the window did not see when *commit* completes it, else remember what this commit saw.

    Return how many records were deleted, and the guard's refusal; *last* is the feed's newest position.
    """
    if commit.deletes is None:
        if commit.snapshot is not None:
            unseen.forget(db, commit)
            _remember(db, commit, window)
        return 0, None
    deleted, refused = find_missing(db, commit, table, window, last)
    if deleted:
        db.execute(_TOMBSTONES.format(table=table), {"at": commit.at, "run": commit.run.id})
    if window.id:
        db.execute("DELETE FROM syncrun.seen WHERE snapshot IN (?, ?)", [window.id, window.id + OLD])
        db.execute("DELETE FROM syncrun.snapshots WHERE id = ?", [window.id])
    return deleted, refused


def settle_each(
    db: DuckDBPyConnection,
    commits: Mapping[int, Commit],
    table: str,
    *,
    rows: Mapping[int, int],
    opened_seq: int,
    last: int,
) -> dict[int, tuple[int, Refusal | None]]:
    """Do what `settle` does for several *commits*, by their number in `temp.member`, each without a window.

    They are of different connections, their *rows* are staged; before them the feed was at *opened_seq*.
    """
    whole = {n: commit for n, commit in commits.items() if commit.deletes is not None}
    missing = _missing_each(db, whole, table, opened_seq, last)
    refused = _refuse_each(
        db, {n: whole[n] for n in missing}, table, missing=missing, rows=rows, opened_seq=opened_seq
    )
    if refused:
        missing = _missing_each(db, {n: whole[n] for n in whole.keys() - refused}, table, opened_seq, last)
    if missing:
        db.execute(_TOMBSTONES_EACH.format(table=table))
    return {n: (missing.get(n, 0), refused.get(n)) for n in commits}


def forget(db: DuckDBPyConnection, sync: SyncId) -> None:
    """Close every window of *sync* without deleting a record."""
    mine = "connection = ? AND connector = ? AND sync = ?"
    db.execute(
        "DELETE FROM syncrun.seen WHERE snapshot IN"
        f" (SELECT unnest([id, id || '{OLD}']) FROM syncrun.snapshots WHERE {mine})",
        _owner(sync),
    )
    db.execute(f"DELETE FROM syncrun.snapshots WHERE {mine}", _owner(sync))


def find_open(db: DuckDBPyConnection, sync: SyncId) -> str | None:
    """Return the id of the open window of *sync*."""
    rows = db.execute(
        "SELECT id FROM syncrun.snapshots WHERE connection = ? AND connector = ? AND sync = ?"
        " ORDER BY opened_at DESC LIMIT 1",
        _owner(sync),
    ).fetchall()
    return rows[0][0] if rows else None


def all_open(db: DuckDBPyConnection) -> dict[SyncId, str]:
    """Return the id of the newest open window of each sync that has one."""
    rows = db.execute(
        "SELECT connection, connector, sync, id FROM syncrun.snapshots ORDER BY opened_at"
    ).fetchall()
    return {SyncId(*row[:3]): row[3] for row in rows}


def _remember(db: DuckDBPyConnection, commit: Commit, window: Window) -> None:
    run = commit.run
    if not window.id:
        forget(db, run.sync)  # a window that was given up would stay for ever
        db.execute(
            "INSERT INTO syncrun.snapshots"
            " (id, connection, connector, sync, model, run_id, opened_at, opened_seq)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [commit.snapshot, *_owner(run.sync), run.model, run.id, window.opened_at, window.opened_seq],
        )
    db.execute(
        "INSERT INTO syncrun.seen BY NAME SELECT DISTINCT ? AS snapshot, s.p AS partition, s.k AS id"
        " FROM temp.staged AS s WHERE s.a <> 'T'",
        [commit.snapshot],
    )


def find_missing(
    db: DuckDBPyConnection, commit: Commit, table: str, window: Window, last: int
) -> tuple[int, Refusal | None]:
    """Fill `temp.missing` with what *commit* has to delete; return how many it may, or why it may not.

    Nothing is written: a dry run asks too.
    """
    deletes = commit.deletes or SnapshotDeletes()
    if deletes.partitions is None:
        scope = ("TRUE", "TRUE", "TRUE")
    else:
        db.execute(f"CREATE TEMP TABLE scope AS SELECT {UNNEST_TEXTS} AS p", [bind_texts(deletes.partitions)])
        scope = (
            "r._partition IN (SELECT x.p FROM temp.scope AS x)",
            "s.p IN (SELECT x.p FROM temp.scope AS x)",
            "n.partition IN (SELECT x.p FROM temp.scope AS x)",
        )
    live = f"r._connection = $connection AND r._action <> 'DELETED' AND {scope[0]}"
    live += _within(deletes.reach)
    given: dict[str, Any] = {"connection": commit.run.sync.connection, "opened_seq": window.opened_seq}
    if deletes.reach is not None and deletes.reach.version is not None:
        given["least"] = deletes.reach.least
    names = {"last": last, "opened_at": window.opened_at, "run": commit.run.id, "snapshot": window.id}
    seen, by_window = seen_in(db, commit), ""
    if window.id:
        by_window = f" OR {was_seen(commit)}"
    sql = _MISSING.format(table=table, live=live, seen=seen, by_window=by_window)
    missing = int(db.execute(sql, given | names).fetchall()[0][0])
    if not missing:
        return 0, None
    # Records that this window added were not there to be lost: they make no deletion look smaller.
    found = db.execute(
        f"SELECT count(*) FROM {table} AS r WHERE {live}"
        " AND NOT (r._action = 'ADDED' AND r._seq > $opened_seq)",
        given,
    ).fetchall()[0][0]
    empty = not db.execute(
        f"SELECT EXISTS (SELECT 1 FROM temp.staged AS s WHERE {scope[1]} AND s.a <> 'T')"
        f" OR EXISTS (SELECT 1 FROM {seen} AS n WHERE n.snapshot = ? AND {scope[2]})",
        [window.id],
    ).fetchall()[0][0]
    reason = "" if deletes.accept else _refusal(deletes, missing, int(found), empty=empty)
    if reason:
        return 0, Refusal(missing, int(found), reason)
    return missing, None


def _within(reach: Reach | None) -> str:
    """Return the condition, to be added to others, that a record is within *reach*, and so can be missing."""
    if reach is None:
        return ""
    if reach.version is None:
        return " AND FALSE"
    kind, column = SQL_KINDS[reach.version.kind], quote(reach.version.column)
    return f" AND TRY_CAST(r.{column} AS {kind}) >= TRY_CAST($least AS {kind})"


def _missing_each(
    db: DuckDBPyConnection, commits: Mapping[int, Commit], table: str, opened_seq: int, last: int
) -> dict[int, int]:
    """Fill `temp.missing` with what *commits* have to delete; return how many, by number, where there are."""
    if not commits:
        return {}
    names = [commit.run.sync.connection for commit in commits.values()]
    sql = _MISSING_EACH.format(
        table=table, numbers=", ".join(map(str, sorted(commits))), mine=several(names).mine
    )
    if not db.execute(sql, {"opened_seq": opened_seq, "last": last}).fetchall()[0][0]:
        return {}
    return dict(db.execute("SELECT m.n, count(*) FROM temp.missing AS m GROUP BY m.n").fetchall())


def _refuse_each(
    db: DuckDBPyConnection,
    commits: Mapping[int, Commit],
    table: str,
    *,
    missing: Mapping[int, int],
    rows: Mapping[int, int],
    opened_seq: int,
) -> dict[int, Refusal]:
    """Return which of *commits* the guard refuses what is *missing*, by number (R10)."""
    if not commits:
        return {}
    mine = several([commit.run.sync.connection for commit in commits.values()]).mine
    live = dict(db.execute(_LIVE_EACH.format(table=table, mine=mine), [opened_seq]).fetchall())
    refused = {}
    for number, commit in commits.items():
        deletes, found = commit.deletes or SnapshotDeletes(), live.get(commit.run.sync.connection, 0)
        reason = _refusal(deletes, missing[number], found, empty=not rows[number])
        if reason and not deletes.accept:
            refused[number] = Refusal(missing[number], found, reason)
    return refused


def _refusal(deletes: SnapshotDeletes, missing: int, live: int, *, empty: bool) -> str:
    """Return why the guard refuses, empty when it does not (R10)."""
    if deletes.nameless:
        bad = counted(deletes.nameless, "record")
        return (
            f"{counted(missing, 'live record')} had not been seen, but {bad} went into quarantine without a"
            " readable key and may be among them: nothing was deleted"
        )
    if empty:
        if deletes.allow_empty:
            return ""
        return f"the result was empty, which would delete {counted(live, 'live record')}: nothing was deleted"
    if live >= _SMALL and missing > deletes.max_ratio * live:
        return (
            f"{missing} of {live} live records would have been deleted, more than {deletes.max_ratio:.0%}:"
            " nothing was deleted"
        )
    return ""


def _owner(sync: SyncId) -> list[str]:
    return [sync.connection, sync.connector, sync.sync]
