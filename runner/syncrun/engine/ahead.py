"""What the runs of a command go on from, read for all of them in one look before they begin.

A run relies on it only when nobody has held its sync's lock in between: nothing of it changes without.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.engine import locks
from syncrun.engine.job import Job
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.progress import Saved

if TYPE_CHECKING:
    from syncrun.stores.base import Store

_SETTLED = 2.1  # seconds after which another change of a lock file has another time, on any file system
_FEW = 8  # runs that ask by themselves


class Ahead:
    """Looks for *jobs* whose progress is short, when the first of them asks; may be shared by threads.

    *folder* has the locks. *now* is the time of the files there, in seconds.
    """

    def __init__(self, jobs: Sequence[Job], folder: Path, *, now: Callable[[], float] = time.time) -> None:
        # one of many partitions has as much progress, and inferred columns are those of the run before
        plain = [job for job in jobs if not job.sync.sources and job.sync.fields is not None]
        self._models = {job.id: job.model_name for job in plain} if len(plain) >= _FEW else {}
        self._folder, self._now = folder, now
        self._guard = threading.Lock()
        self._untouched: dict[SyncId, int | None] = {}
        self._saved: dict[SyncId, Saved] | None = None

    def saved(self, sync: SyncId, store: Store, before: int | None) -> Saved | None:
        """Return what a run of *sync* goes on from; None when that is not known.

        *before* is when the lock, which is held now, was last held (see `locks.hold`).
        """
        if sync not in self._models:
            return None
        with self._guard:
            if self._saved is None:
                self._saved = {}
                self._look(store, sync, before)
        known = self._saved.pop(sync, None)  # a second run of the sync has to look again
        return known if self._untouched.get(sync, -1) == before else None

    def _look(self, store: Store, own: SyncId, before: int | None) -> None:
        """Look for all whose locks are not held now, or just have been, and for the sync that has asked."""
        latest = self._now() - _SETTLED
        self._untouched[own] = before
        for sync in self._models.keys() - {own}:
            held = locks.last_held(self._folder, sync)
            if held is None or held <= latest * 1e9:
                self._untouched[sync] = held
        wanted = {sync: self._models[sync] for sync in self._untouched}
        self._saved = store.saved_all(wanted)
        # there is no database yet, or an old one
        if any(saved.basis is None for saved in self._saved.values()):
            basis = store.bind(datetime.fromtimestamp(self._now(), UTC))
            self._saved = {sync: replace(saved, basis=basis) for sync, saved in self._saved.items()}
