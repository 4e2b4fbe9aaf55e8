"""Saved progress, written in the transaction of the rows it covers (R12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncrun.stores.base import Checkpoint, Commit, SyncId

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MINE = "connection = ? AND connector = ? AND sync = ?"


def write(db: DuckDBPyConnection, commit: Commit) -> None:
    """Replace the checkpoints that *commit* names, and forget those that it gives up."""
    if not commit.checkpoints:
        return
    owner = _owner(commit.run.sync)
    db.execute(
        f"DELETE FROM syncrun.checkpoints WHERE {_MINE} AND partition IN (SELECT unnest(?::VARCHAR[]))",
        [*owner, list(commit.checkpoints)],
    )
    kept = {name: state for name, state in commit.checkpoints.items() if state is not None}
    if kept:
        db.execute(
            "INSERT INTO syncrun.checkpoints BY NAME SELECT ? AS connection, ? AS connector, ? AS sync,"
            " unnest(?::VARCHAR[]) AS partition, unnest(?::VARCHAR[]) AS state, ? AS run_id, ? AS updated_at",
            [*owner, list(kept), list(kept.values()), commit.run.id, commit.at],
        )


def read(db: DuckDBPyConnection, sync: SyncId) -> dict[str, Checkpoint]:
    """Return the checkpoints of *sync* by partition."""
    rows = db.execute(
        "SELECT partition, state, run_id, updated_at FROM syncrun.checkpoints"
        f" WHERE {_MINE} ORDER BY partition",
        _owner(sync),
    ).fetchall()
    return {row[0]: Checkpoint(*row) for row in rows}


def forget(db: DuckDBPyConnection, sync: SyncId) -> None:
    """Drop the checkpoints of *sync*."""
    db.execute(f"DELETE FROM syncrun.checkpoints WHERE {_MINE}", _owner(sync))


def _owner(sync: SyncId) -> list[str]:
    return [sync.connection, sync.connector, sync.sync]
