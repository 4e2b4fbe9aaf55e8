"""What a read of everything asked for: a sync with a `start` has never seen what is from before it (R16)."""

from __future__ import annotations

from collections.abc import Mapping

from syncrun.config.sync import Sync
from syncrun.engine.deleted_feed import cursor_of
from syncrun.engine.reading import Reading
from syncrun.stores.values.commit import Reach


def reach_of(sync: Sync, readings: Mapping[str, Reading]) -> Reach | None:
    """Return which records complete *readings* of *sync* can miss; None for all of them.

    A declared snapshot says that they can miss any.
    """
    rule, incremental = sync.delete_rule, sync.incremental
    if rule is None or rule.snapshot or incremental is None or incremental.start is None:
        return None
    starts = {str(reading.start) for reading in readings.values()}
    version = cursor_of(sync)
    if version is None or len(starts) != 1:
        return Reach(None, None)  # nobody knows
    return Reach(version, starts.pop())
