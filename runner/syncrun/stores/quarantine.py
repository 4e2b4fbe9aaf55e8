"""Quarantined records: the newest rejection of each key, until a good version of it arrives (R22)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncrun.stores.migrations import stored_version
from syncrun.stores.staging import ORDINALS
from syncrun.stores.types import quote_text
from syncrun.stores.values.commit import Commit
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.quarantine import QuarantineCount, Quarantined

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MINE = "q.connection = $connection AND q.connector = $connector AND q.sync = $sync"

_REVIEWS_SINCE = 7  # the version of the engine's tables

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
# What a person has looked at stays reviewed when it is rejected again as it was, for the same reason.
_REMEMBER = f"""
CREATE OR REPLACE TEMP TABLE reviewed AS
SELECT q.raw, q.reason, max(q.reviewed_at) AS at FROM syncrun.quarantine AS q
WHERE {_MINE} AND q.reviewed_at IS NOT NULL GROUP BY ALL
"""
_REVIEWED = "(SELECT v.at FROM temp.reviewed AS v WHERE v.raw = r.raw AND v.reason = r.reason)"
_INSERT = """
INSERT INTO syncrun.quarantine BY NAME
SELECT
    $run AS run_id, $connection AS connection, $connector AS connector, $sync AS sync, $model AS model,
    r.p AS partition, r.k AS key, r.reason, r.path, r.raw, $at AS rejected_at,
    {reviewed} AS reviewed_at
FROM temp.rejected AS r
WHERE NOT EXISTS (SELECT 1 FROM temp.staged AS s WHERE s.a <> 'S' AND s.k = r.k AND s.ord % $ordinals > r.i)
QUALIFY r.k IS NULL OR row_number() OVER (PARTITION BY r.k ORDER BY r.i DESC) = 1
ORDER BY r.i
"""


def write(db: DuckDBPyConnection, commit: Commit) -> int:
    """Bring the quarantine up to date with *commit*; return how many records it rejected."""
    run, rejected = commit.run, commit.quarantined
    mine = {"connection": run.sync.connection, "connector": run.sync.connector, "sync": run.sync.sync}
    reviewed = "NULL::TIMESTAMPTZ"
    if db.execute(f"SELECT 1 FROM syncrun.quarantine AS q WHERE {_MINE} LIMIT 1", mine).fetchall():
        db.execute(_CLEAR_GOOD, mine)
        if rejected:
            db.execute(_REMEMBER, mine)
            db.execute(_CLEAR_AGAIN, mine)
            reviewed = _REVIEWED
    if rejected:
        db.execute(
            _INSERT.format(reviewed=reviewed),
            mine | {"run": run.id, "model": run.model, "at": commit.at, "ordinals": ORDINALS},
        )
    return rejected


def owners(db: DuckDBPyConnection, connections: Collection[str]) -> set[SyncId]:
    """Return the syncs of *connections* that have records in quarantine."""
    names = ", ".join(map(quote_text, connections))
    rows = db.execute(
        f"SELECT DISTINCT q.connection, q.connector, q.sync FROM syncrun.quarantine AS q"
        f" WHERE q.connection IN ({names})"
    ).fetchall()
    return {SyncId(*row) for row in rows}


def count(db: DuckDBPyConnection) -> dict[SyncId, QuarantineCount]:
    """Return how many records are in quarantine, by sync."""
    unreviewed = f"count(*) FILTER ({_reviewed_at(db)} IS NULL)"
    rows = db.execute(
        f"SELECT q.connection, q.connector, q.sync, count(*), {unreviewed}"
        " FROM syncrun.quarantine AS q GROUP BY ALL"
    ).fetchall()
    return {SyncId(*row[:3]): QuarantineCount(row[3], row[4]) for row in rows}


def select(
    db: DuckDBPyConnection, connection: str = "", sync: str = "", *, everything: bool = False
) -> list[Quarantined]:
    """Return the rejected records of a connection, of one of its syncs, or all; newest first.

    Without *everything* only those that nobody has reviewed.
    """
    wanted, given = _of(connection, sync)
    unseen = "" if everything else f" AND {_reviewed_at(db)} IS NULL"
    rows = db.execute(
        "SELECT q.connection, q.connector, q.sync, q.model, q.key, q.reason, q.path, q.raw, q.rejected_at,"
        f" {_reviewed_at(db)} FROM syncrun.quarantine AS q WHERE {wanted}{unseen}"
        " ORDER BY q.rejected_at DESC, q.connection, q.connector, q.sync, q.key",
        given,
    ).fetchall()
    return [Quarantined(SyncId(*row[:3]), *row[3:]) for row in rows]


def review(db: DuckDBPyConnection, connection: str, sync: str, at: datetime) -> int:
    """Mark the rejected records of a connection, or of one of its syncs, as reviewed; return how many."""
    wanted, given = _of(connection, sync)
    rows = db.execute(
        f"UPDATE syncrun.quarantine AS q SET reviewed_at = $at WHERE {wanted} AND q.reviewed_at IS NULL",
        {**given, "at": at},
    ).fetchall()
    return int(rows[0][0])


def _of(connection: str, sync: str) -> tuple[str, dict[str, Any]]:
    given = {name: value for name, value in (("connection", connection), ("sync", sync)) if value}
    return " AND ".join(["TRUE", *(f"q.{name} = ${name}" for name in given)]), given


def _reviewed_at(db: DuckDBPyConnection) -> str:
    """Return the expression for when a record was reviewed; tables of before know of no such thing."""
    return "q.reviewed_at" if stored_version(db) >= _REVIEWS_SINCE else "NULL::TIMESTAMPTZ"
