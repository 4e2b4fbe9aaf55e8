"""The copy of the database for readers, brought up to date after a run (R3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from syncrun.engine import locks
from syncrun.engine.job import Runtime
from syncrun.engine.report import RunReport
from syncrun.errors import LockedError, SyncrunError
from syncrun.stores.values.ids import SyncId


def publish_after(report: RunReport, runtime: Runtime) -> RunReport:
    """Publish what a run that ended has changed, and return its report.

    Where that fails the run stays as it is in the database, and its report becomes one of an incomplete run:
    readers see old data, and somebody has to look. The next run publishes again.
    """
    if report.status not in ("ok", "incomplete"):  # what it committed is a part: its next run goes on
        return report
    try:
        publish(runtime)
    except SyncrunError as error:
        message = f"not published: {error.message}"
        if report.status != "ok":
            return replace(report, notes=(*report.notes, message))
        return replace(report, status="incomplete", message=message, hint=error.hint)
    return report


def publish(runtime: Runtime, *, always: bool = False) -> bool:
    """Bring the copy up to date unless a run is half way; return whether that was done."""

    def under_way(syncs: Sequence[SyncId]) -> bool:
        return any(_is_held(runtime, sync) for sync in syncs)

    return runtime.store.publish(under_way, always=always)


def _is_held(runtime: Runtime, sync: SyncId) -> bool:
    """Return whether a run of *sync* goes on; one that was killed does not."""
    try:
        with locks.hold(runtime.locks_folder, sync, run_id="publish", timeout=0):
            return False
    except LockedError:
        return True
