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
        return "orphaned"  # perhaps its parent is gone
    return "failed"  # it keeps its records, and the others go on


def hint_of_orphan(sync: Sync) -> str:
    """Return what helps where the API denies something of a parent that is live, as far as that is known.

    Whether it is gone, its own next read finds out; what is stored stays until then.
    """
    parents = sorted({source.sync for source in sync.sources if source.sync is not None})
    finds = f"the next run of {' or '.join(parents)}" if parents else "the next read of its parents"
    settle = "errors: [{status: 404, then: empty}]"
    return f"{finds} tells whether it is gone; where 404 means that there is nothing, write {settle}"
