"""What an error means for the partition whose enumeration it ended."""

from __future__ import annotations

from typing import Literal

from syncrun.config.sync import Sync
from syncrun.engine.reading import Reading
from syncrun.errors import RequestError, RunError

_NOT_FOUND = 404

Ending = Literal["fatal", "expired", "skipped", "orphaned", "failed"]


def ending_of(error: BaseException, reading: Reading, sync: Sync) -> Ending:
    """Return what becomes of the partition of *reading*; a fatal *error* ends the run."""
    if not isinstance(error, RunError):
        return "fatal"  # not about this partition: the credentials, the disk, a defect
    asked = error if isinstance(error, RequestError) else None
    if asked is not None and reading.mode == "incremental" and reading.has_expired(asked):
        return "expired"
    if asked is not None and asked.then == "skip":
        return "skipped"  # an error rule says so
    if not sync.sources or any(source.on_error == "fail" for source in sync.sources):
        return "fatal"
    if asked is not None and asked.status == _NOT_FOUND and not asked.then and not reading.partition.listed:
        return "orphaned"  # its parent is gone
    return "failed"  # it keeps its records, and the others go on
