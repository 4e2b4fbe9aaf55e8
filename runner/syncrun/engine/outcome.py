"""How a run ended: a status, one sentence, and what helps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from syncrun.config.sync import Sync
from syncrun.engine.deletes import Decision
from syncrun.engine.enumeration import Enumeration
from syncrun.engine.reading import went_on, why_waiting
from syncrun.engine.report import Status
from syncrun.engine.run_log import Level
from syncrun.errors import Interrupted, LockedError, OtherDatabaseError, StoreError, SyncrunError
from syncrun.stores.values.commit import Changes
from syncrun.wording import counted

_LEVELS: Mapping[Status, Level] = {
    "ok": "info",
    "incomplete": "warning",
    "interrupted": "warning",
    "locked": "warning",
    "failed": "error",
}
_QUARANTINE_SHARE, _QUARANTINE_LEAST = 0.01, 10


class Outcome(Struct, frozen=True):
    """What a run's report says about its end; without a *message* there is nothing to say."""

    status: Status
    message: str = ""
    hint: str = ""

    @property
    def level(self) -> Level:
        """How grave that is in the run's log."""
        return _LEVELS[self.status]


def of_error(error: SyncrunError) -> Outcome:
    """Return how a run ends that *error* stopped."""
    status: Status = "failed"
    if isinstance(error, LockedError):
        status = "locked"
    elif isinstance(error, Interrupted):
        status = "interrupted"
    return Outcome(status, error.message, error.hint)


def of_refusal(reason: str) -> Outcome:
    """Return how a run ends whose deletes were refused for *reason* (R10)."""
    return Outcome("incomplete", reason, "`run --accept-deletes` deletes them all the same")


def of_staged(stopped_by: SyncrunError, folder: Path) -> str:
    """Return what becomes of rows staged in *folder*, because *stopped_by* kept them out of the database."""
    if isinstance(stopped_by, OtherDatabaseError):
        return f"what was read is staged in {folder}: only the database that it was read for takes it"
    then = "commits it without fetching it again"
    if isinstance(stopped_by, StoreError):  # which may refuse it for good
        then = "commits it, or fetches it again should the database still refuse it"
    return f"what was read is staged: the next run {then}"


def of_reading(read: Enumeration | None, sync: Sync) -> Outcome:
    """Return how a run ends that nothing stopped; it may still lack something."""
    if read is None:
        return Outcome("ok")
    if read.limit_reached and not read.failures:
        return Outcome("ok", f"stopped at {counted(read.records, 'record')}, as asked; nothing was deleted")
    if read.failures and len(read.failures) == len(read.readings):
        return Outcome("failed", read.failures[0].message, read.failures[0].hint)
    missing = [
        end for name, end in read.verdicts.items() if not end.complete and not read.readings[name].skipped
    ]
    if missing:
        more = f" (and {counted(len(missing) - 1, 'more partition')})" if len(missing) > 1 else ""
        return Outcome("incomplete", missing[0].reason + more, missing[0].hint)
    if too_many_rejected(read, sync):
        helps = "`max_quarantined` raises the limit"
        if read.passed == 0:
            helps = "nothing was deleted, and the next run reads them again"
        return Outcome("incomplete", of_quarantine(read), f"see syncrun.quarantine; {helps}")
    return Outcome("ok")


def of_gaps(read: Enumeration | None) -> Outcome | None:
    """Return how a run ends that read everything, but may have passed over records; None when it has not."""
    shifted = [each for each in read.readings.values() if each.has_gaps] if read else []
    if not shifted or (read and read.limit_reached):
        return None
    helps = "the next run reads them: it is due at once, or `syncrun run` does it now"
    return Outcome("incomplete", f"records may be missing: {went_on(shifted)}", helps)


def of_quarantine(read: Enumeration) -> str:
    """Return how many records were quarantined, and why the first was; empty when none was (R22)."""
    if not read.rejected:
        return ""
    of_all = f"{read.rejected:,} of {counted(read.records, 'record')}"
    return f"{of_all} went into quarantine, the first: {read.rejection}"


def of_vanished(changes: Changes) -> str:
    """Return which fields had values before a complete read, and have none in any record since."""
    if not changes.vanished:
        return ""
    names, are = ", ".join(changes.vanished), "are" if len(changes.vanished) > 1 else "is"
    return f"{names} {are} null in every record now, and had values before: the API may have renamed it"


def of_filter(read: Enumeration) -> str:
    """Return that a complete read kept none of what came, because of `where` or a hook; else nothing."""
    if not read.filtered or read.mode != "full" or read.filtered < read.passed or read.rejected:
        return ""
    where = read.sync.where
    what = "map_record" if where is None else f"where ({where})"
    return f"{what} kept none of {counted(read.records, 'record')}"


def notes_on(read: Enumeration, ended: Outcome, decision: Decision) -> tuple[str, ...]:
    """Return what is worth knowing of a run that nothing stopped, empty ones included."""
    quarantine = of_quarantine(read)
    return (
        decision.reason,
        decision.unsure or why_waiting(read.readings.values()),
        "" if quarantine == ended.message else quarantine,
        of_filter(read),
    )


def of_missing(changes: Changes) -> str:
    """Return what becomes of the records that are missing and not deleted yet; empty when none is (R32)."""
    if not changes.missing:
        return ""
    them = "it" if changes.missing == 1 else "them"
    return (
        f"missing: {counted(changes.missing, 'record')}, not deleted before the next complete read misses"
        f" {them} too; `run --accept-deletes` deletes {them} at once"
    )


def too_many_rejected(read: Enumeration | None, sync: Sync) -> bool:
    """Return whether more records were quarantined than a run may have (R22)."""
    if read is None:
        return False
    return none_passed(read, sync) or read.rejected > quarantine_limit(sync, read.records)


def quarantine_limit(sync: Sync, records: int) -> float:
    """Return how many of *records* may be in quarantine (R22)."""
    limit = sync.max_quarantined
    if limit is None:
        return max(_QUARANTINE_LEAST, records * _QUARANTINE_SHARE)
    return records * limit if 0 < limit < 1 else limit


def none_passed(read: Enumeration, sync: Sync) -> bool:
    """Return whether records arrived and not one was good, where *sync* does not say how many may be bad.

    One that an incremental run is given once more, because it has the cursor's own value, is no news.
    """
    if sync.max_quarantined is not None or not read.rejected or read.passed:
        return False
    return read.mode == "full" or any(reading.moves for reading in read.readings.values())
