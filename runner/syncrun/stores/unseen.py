"""What a snapshot window remembers of partitions that are read from their beginning once more: nothing (R8).

A run that was killed has seen records that may be gone by the time another one reads everything again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncrun.stores.types import UNNEST_TEXTS, bind_texts
from syncrun.stores.values.commit import Commit

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

OLD = "(old)"
"""What follows the id of a window where `syncrun.seen` has what it does not remember any more."""

_WAS_SEEN = """
    EXISTS (
        SELECT 1 FROM syncrun.seen AS o
        WHERE o.id = r._id AND (o.snapshot = $snapshot || '(old)'{anew})
    )"""


def seen_in(db: DuckDBPyConnection, commit: Commit) -> str:
    """Return the relation of the ids that windows have seen, as far as they count for *commit*."""
    if not commit.unseen:
        return "syncrun.seen"
    db.execute(
        f"CREATE OR REPLACE TEMP TABLE unseen AS SELECT {UNNEST_TEXTS} AS p", [bind_texts(commit.unseen)]
    )
    return "(SELECT * FROM syncrun.seen AS e WHERE e.partition NOT IN (SELECT u.p FROM temp.unseen AS u))"


def was_seen(commit: Commit) -> str:
    """Return the condition that the window saw the stored record `r` once, and does not remember it any more.

    What its own runs had written then is as good as missing.
    """
    anew = " OR (o.snapshot = $snapshot AND o.partition IN (SELECT u.p FROM temp.unseen AS u))"
    return _WAS_SEEN.format(anew=anew if commit.unseen else "")


def forget(db: DuckDBPyConnection, commit: Commit) -> None:
    """Let the window of *commit* no longer remember what it saw of the partitions that are read anew."""
    if commit.unseen:
        db.execute(
            f"UPDATE syncrun.seen SET snapshot = snapshot || '{OLD}'"
            f" WHERE snapshot = ? AND partition IN (SELECT {UNNEST_TEXTS})",
            [commit.snapshot, bind_texts(commit.unseen)],
        )
