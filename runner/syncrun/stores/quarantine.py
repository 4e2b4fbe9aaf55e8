"""Quarantined records: the newest rejection of each key, until a good version of it arrives (R22)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from syncrun.stores.staging import ORDINALS
from syncrun.stores.types import quote_text
from syncrun.stores.values.commit import Commit
from syncrun.stores.values.ids import SyncId

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MINE = "q.connection = $connection AND q.connector = $connector AND q.sync = $sync"

# Good versions of a key clear it. A record without a key is told by its text, lest each run adds it again.
_CLEAR_GOOD = f"""
DELETE FROM syncrun.quarantine AS q
WHERE {_MINE} AND q.key IN (SELECT s.k FROM temp.staged AS s WHERE s.a <> 'S')
"""
_CLEAR_AGAIN = f"""
DELETE FROM syncrun.quarantine AS q
WHERE {_MINE} AND (
    q.key IN (SELECT r.k FROM temp.rejected AS r WHERE r.k IS NOT NULL)
    OR (q.key IS NULL AND q.raw IN (SELECT r.raw FROM temp.rejected AS r WHERE r.k IS NULL))
)
"""
_INSERT = """
INSERT INTO syncrun.quarantine BY NAME
SELECT
    $run AS run_id, $connection AS connection, $connector AS connector, $sync AS sync, $model AS model,
    r.p AS partition, r.k AS key, r.reason, r.path, r.raw, $at AS rejected_at
FROM temp.rejected AS r
WHERE NOT EXISTS (SELECT 1 FROM temp.staged AS s WHERE s.a <> 'S' AND s.k = r.k AND s.ord % $ordinals > r.i)
QUALIFY r.k IS NULL OR row_number() OVER (PARTITION BY r.k ORDER BY r.i DESC) = 1
ORDER BY r.i
"""


def write(db: DuckDBPyConnection, commit: Commit) -> int:
    """Bring the quarantine up to date with *commit*; return how many records it rejected."""
    run, rejected = commit.run, commit.quarantined
    mine = {"connection": run.sync.connection, "connector": run.sync.connector, "sync": run.sync.sync}
    if db.execute(f"SELECT 1 FROM syncrun.quarantine AS q WHERE {_MINE} LIMIT 1", mine).fetchall():
        db.execute(_CLEAR_GOOD, mine)
        if rejected:
            db.execute(_CLEAR_AGAIN, mine)
    if rejected:
        db.execute(_INSERT, mine | {"run": run.id, "model": run.model, "at": commit.at, "ordinals": ORDINALS})
    return rejected


def owners(db: DuckDBPyConnection, connections: Collection[str]) -> set[SyncId]:
    """Return the syncs of *connections* that have records in quarantine."""
    names = ", ".join(map(quote_text, connections))
    rows = db.execute(
        f"SELECT DISTINCT q.connection, q.connector, q.sync FROM syncrun.quarantine AS q"
        f" WHERE q.connection IN ({names})"
    ).fetchall()
    return {SyncId(*row) for row in rows}


def count(db: DuckDBPyConnection) -> dict[SyncId, int]:
    """Return how many records are in quarantine, by sync."""
    rows = db.execute(
        "SELECT q.connection, q.connector, q.sync, count(*) FROM syncrun.quarantine AS q GROUP BY ALL"
    ).fetchall()
    return {SyncId(*row[:3]): row[3] for row in rows}
