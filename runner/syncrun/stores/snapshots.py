"""Snapshot windows: what a complete enumeration did not see is deleted, behind a guard (R7 to R10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from syncrun.stores import missing, unseen
from syncrun.stores.absence import Settled, find_absent, find_absent_each
from syncrun.stores.unseen import OLD
from syncrun.stores.values.commit import Commit
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.window import Window

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TOMBSTONES = """
UPDATE {table} SET
    _action = 'DELETED', _deleted_at = $at, _last_modified_at = $at, _seq = m.seq, _run_id = $run
FROM (
    SELECT a.row_id, $last + row_number() OVER (ORDER BY a.old) AS seq FROM temp.missing AS a WHERE a.due
) AS m
WHERE {table}.rowid = m.row_id
"""
# The same for several runs whose windows begin and end with their commits, which are in `temp.member`.
_TOMBSTONES_EACH = """
UPDATE {table} SET
    _action = 'DELETED', _deleted_at = m.at, _last_modified_at = m.at, _seq = m.seq, _run_id = m.run
FROM (
    SELECT a.row_id, o.at, o.run, $last + row_number() OVER (ORDER BY a.n, a.old) AS seq
    FROM temp.missing AS a JOIN temp.member AS o ON o.n = a.n
    WHERE a.due
) AS m
WHERE {table}.rowid = m.row_id
"""


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


def settle(db: DuckDBPyConnection, commit: Commit, table: str, window: Window, last: int) -> Settled:
    """Delete what the window did not see when *commit* completes it, else remember what this commit saw.

    Return what became of it; *last* is the feed's newest position. What is not seen may wait to be missed by
    another read: what this commit did see, or delete, waits no longer.
    """
    known = missing.are_known(db, commit)
    if known:
        missing.found_again(db, commit)
    if commit.deletes is None:
        if commit.snapshot is not None:
            unseen.forget(db, commit)
            _remember(db, commit, window)
        return Settled(missing=missing.count_of(db, commit) if known else 0)
    settled = find_absent(db, commit, table, window, known=known)
    if settled.deleted:
        given = {"at": commit.at, "run": commit.run.id, "last": last}
        db.execute(_TOMBSTONES.format(table=table), given)
    if settled.refused is None:
        missing.judged(db, commit, known=known, waiting=settled.waiting)
    if window.id:
        db.execute("DELETE FROM syncrun.seen WHERE snapshot IN (?, ?)", [window.id, window.id + OLD])
        db.execute("DELETE FROM syncrun.snapshots WHERE id = ?", [window.id])
    return replace(settled, missing=missing.count_of(db, commit) if known or settled.waiting else 0)


def settle_each(
    db: DuckDBPyConnection,
    commits: Mapping[int, Commit],
    table: str,
    *,
    rows: Mapping[int, int],
    opened_seq: int,
    last: int,
) -> dict[int, Settled]:
    """Do what `settle` does for several *commits*, by their number in `temp.member`, each without a window.

    They are of different connections, their *rows* are staged; before them the feed was at *opened_seq*. None
    of their records was missing before.
    """
    whole = {n: commit for n, commit in commits.items() if commit.deletes is not None}
    settled = find_absent_each(db, whole, table, rows=rows, opened_seq=opened_seq)
    if any(one.deleted for one in settled.values()):
        db.execute(_TOMBSTONES_EACH.format(table=table), {"last": last})
    if any(one.waiting for one in settled.values()):
        missing.judged_each(db, next(iter(whole.values())))
    return {n: settled.get(n, Settled()) for n in commits}


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


def _owner(sync: SyncId) -> list[str]:
    return [sync.connection, sync.connector, sync.sync]
