"""Saved progress, written in the transaction of the rows it covers (R12)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from syncrun.stores import binding, missing, snapshots, states
from syncrun.stores.tables import described, field_columns
from syncrun.stores.types import UNNEST_ROWS, UNNEST_TEXTS, bind_rows, bind_texts
from syncrun.stores.values.commit import Commit
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.progress import Checkpoint, Saved
from syncrun.stores.values.run import Agenda

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_OWNER = ("connection", "connector", "sync")
_PLACE = (*_OWNER, "partition")
_KINDS = {
    **dict.fromkeys((*_PLACE, "state", "run_id"), "VARCHAR"),
    "updated_at": "TIMESTAMPTZ",
}
_MINE = "connection = ? AND connector = ? AND sync = ?"


def write(db: DuckDBPyConnection, commit: Commit) -> None:
    """Replace the checkpoints that *commit* names, and forget those that it gives up."""
    replace(db, commit.run.sync, commit.checkpoints, run_id=commit.run.id, at=commit.at)


def replace(
    db: DuckDBPyConnection, sync: SyncId, texts: Mapping[str, str | None], *, run_id: str, at: datetime
) -> None:
    """Write the *texts* of partitions of *sync*, and forget those that are None."""
    if not texts:
        return
    owner = _owner(sync)
    db.execute(
        f"DELETE FROM syncrun.checkpoints WHERE {_MINE} AND partition IN (SELECT {UNNEST_TEXTS})",
        [*owner, bind_texts(texts)],
    )
    kept = {name: state for name, state in texts.items() if state is not None}
    if kept:
        db.execute(
            "INSERT INTO syncrun.checkpoints BY NAME SELECT ? AS connection, ? AS connector, ? AS sync,"
            f" {UNNEST_TEXTS} AS partition, {UNNEST_TEXTS} AS state, ? AS run_id, ? AS updated_at",
            [*owner, bind_texts(kept), bind_texts(kept.values()), run_id, at],
        )


def write_each(db: DuckDBPyConnection, commits: Iterable[Commit]) -> None:
    """Do for several *commits*, of different syncs, what `write` does."""
    rows = [
        {
            **dict(zip(_OWNER, _owner(commit.run.sync), strict=True)),
            "partition": partition,
            "state": state,
            "run_id": commit.run.id,
            "updated_at": commit.at,
        }
        for commit in commits
        for partition, state in commit.checkpoints.items()
    ]
    if not rows:
        return
    places = [{name: row[name] for name in _PLACE} for row in rows]
    same = " AND ".join(f"c.{name} = w.{name}" for name in _PLACE)
    db.execute(
        f"DELETE FROM syncrun.checkpoints AS c USING ({UNNEST_ROWS}) AS w WHERE {same}",
        bind_rows(places, {name: _KINDS[name] for name in _PLACE}),
    )
    kept = [row for row in rows if row["state"] is not None]
    if kept:
        db.execute(
            f"INSERT INTO syncrun.checkpoints ({', '.join(_KINDS)}) {UNNEST_ROWS}", bind_rows(kept, _KINDS)
        )


def read(db: DuckDBPyConnection, sync: SyncId) -> dict[str, Checkpoint]:
    """Return the checkpoints of *sync* by partition."""
    rows = db.execute(
        "SELECT partition, state, run_id, updated_at FROM syncrun.checkpoints"
        f" WHERE {_MINE} ORDER BY partition",
        _owner(sync),
    ).fetchall()
    return {row[0]: Checkpoint(*row) for row in rows}


def saved(db: DuckDBPyConnection, sync: SyncId, model: str) -> Saved:
    """Return all that a run of *sync* needs to know before it reads."""
    return Saved(
        read(db, sync),
        snapshots.find_open(db, sync),
        field_columns(described(db, sync.connector, f"{model}__records")),
        paused=bool(Agenda(states=states.read(db)).paused(sync)),
        basis=binding.basis_of(db),
        home=binding.homes(db, [sync.connection]).get(sync.connection),
        missing=missing.partitions(db, {sync: model}).get(sync, frozenset()),
    )


def saved_all(db: DuckDBPyConnection, syncs: Mapping[SyncId, str]) -> dict[SyncId, Saved]:
    """Return for each of *syncs*, with its model, what a run of it needs to know before it reads."""
    wanted = [dict(zip(_OWNER, _owner(sync), strict=True)) for sync in syncs]
    rows = db.execute(
        f"SELECT c.connection, c.connector, c.sync, c.partition, c.state, c.run_id, c.updated_at"
        f" FROM syncrun.checkpoints AS c JOIN ({UNNEST_ROWS}) AS w USING ({', '.join(_OWNER)})"
        " ORDER BY c.partition",
        bind_rows(wanted, dict.fromkeys(_OWNER, "VARCHAR")),
    ).fetchall()
    progress: dict[SyncId, dict[str, Checkpoint]] = {sync: {} for sync in syncs}
    for row in rows:
        progress[SyncId(*row[:3])][row[3]] = Checkpoint(*row[3:])
    windows, agenda = snapshots.all_open(db), Agenda(states=states.read(db))
    waiting = missing.partitions(db, syncs)
    models = {(sync.connector, model) for sync, model in syncs.items()}
    columns = {model: field_columns(described(db, model[0], f"{model[1]}__records")) for model in models}
    basis, homes = binding.basis_of(db), binding.homes(db)
    return {
        sync: Saved(
            progress[sync],
            windows.get(sync),
            columns[sync.connector, model],
            paused=bool(agenda.paused(sync)),
            basis=basis,
            home=homes.get(sync.connection),
            missing=waiting.get(sync, frozenset()),
        )
        for sync, model in syncs.items()
    }


def forget(db: DuckDBPyConnection, sync: SyncId) -> None:
    """Drop the checkpoints of *sync*."""
    db.execute(f"DELETE FROM syncrun.checkpoints WHERE {_MINE}", _owner(sync))


def _owner(sync: SyncId) -> list[str]:
    return [sync.connection, sync.connector, sync.sync]
