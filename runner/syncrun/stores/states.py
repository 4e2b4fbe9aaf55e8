"""Which syncs were paused and resumed: the word about a sync beats the one about its connection."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from syncrun.stores.migrations import stored_version
from syncrun.stores.values.ids import SyncId

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SINCE = 4  # the version of the engine's tables


def write(db: DuckDBPyConnection, sync: SyncId, *, paused: bool, at: datetime) -> None:
    """Pause or resume *sync*; with an empty name all syncs of its connection, whatever was said before."""
    mine = [sync.connection, sync.connector, sync.sync]
    db.execute(
        "DELETE FROM syncrun.states WHERE connection = $1 AND connector = $2 AND (sync = $3 OR $3 = '')", mine
    )
    db.execute("INSERT INTO syncrun.states VALUES (?, ?, ?, ?, ?)", [*mine, paused, at])


def read(db: DuckDBPyConnection) -> dict[SyncId, bool]:
    """Return what was last asked for: whether paused, by sync; an empty name is the whole connection."""
    if stored_version(db) < _SINCE:
        return {}
    rows = db.execute("SELECT connection, connector, sync, paused FROM syncrun.states").fetchall()
    return {SyncId(*row[:3]): row[3] for row in rows}
