"""Whether a run may delete what it did not see: the whole policy, as one pure function (R7, R9, R32)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from syncrun.config.sync import Deletes, SnapshotInterval
from syncrun.engine.leaving import Leaving
from syncrun.engine.reading import Reading, went_on
from syncrun.stores.values.commit import Reach, SnapshotDeletes
from syncrun.wording import counted

_UNPROVEN = 2
"""How many complete reads have to miss a record where pages are numbered: one may have slipped past."""
_NEXT = "deletes wait for the next complete read"


class Decision(Struct, frozen=True):
    """What to delete (None: nothing), and what is worth telling about it.

    *kept* are the partitions that are no longer enumerated, but whose records stay. *unsure* tells why the
    read cannot say what vanished although it came to its end; another complete one can.
    """

    deletes: SnapshotDeletes | None
    reason: str = ""
    kept: frozenset[str] = frozenset()
    unsure: str = ""

    def within(self, reach: Reach | None, nameless: int) -> Decision:
        """Return the decision about records in *reach*, where so many were read without a usable key."""
        deletes = self.deletes and dataclasses.replace(self.deletes, reach=reach, nameless=nameless)
        return replace(self, deletes=deletes)


def describe(rule: Deletes | None) -> str:
    """Return in words how deletions are found."""
    if rule is None:
        return "nothing is ever deleted"
    if isinstance(rule.snapshot, SnapshotInterval):
        how = f"every {rule.snapshot.every} a complete read deletes what it did not see"
    elif rule.snapshot:
        how = "a complete read deletes what it did not see"
    elif rule.flag:
        how = f"records for which {rule.flag} is true are deleted, and what a read of everything did not see"
    else:
        how = "the API lists the ids of deleted records; a read of everything deletes what it did not see"
    empty = "" if rule.allow_empty else " all of them or"
    return f"{how}; refused when it would be{empty} more than {rule.max_ratio:.0%} of 20 or more records"


def decide(
    rule: Deletes | None,
    *,
    mode: str,
    readings: Mapping[str, Reading],
    stored: frozenset[str] | None,
    left: Leaving = Leaving(),  # noqa: B008 - it is frozen
    apart: bool = False,
    accept: bool = False,
) -> Decision:
    """Return what may be deleted by absence after *readings*, by partition id.

    *stored* are the partitions that live records belong to; None for a sync without partitions. Of those that
    are no longer enumerated *left* tells why. *apart* tells that a record can be in one partition only; else
    one that is not seen where it was may be in another, and all of them have to be read.
    """
    if rule is None:
        return Decision(None)  # the sync says that nothing is ever deleted
    looked = bool(rule.snapshot) and mode == "full"
    unsure = _unsure(readings, some=stored is None or bool(stored)) if looked else ""
    sure = frozenset(name for name, reading in readings.items() if _is_sure(reading))
    if stored is None:
        whole = looked and len(sure) == len(readings) == 1
        return Decision(_deletes(rule, None, readings, accept=accept) if whole else None, unsure=unsure)
    vanished = stored - frozenset(readings)
    gone = left.gone | (left.unlisted if accept else frozenset())
    parted = gone if readings else frozenset()  # no partition at all is an empty result, and no parting
    note = _shrunken(left) if looked and not accept else ""
    failed = any(not reading.done for reading in readings.values())
    if (failed or unsure) and not apart:
        return Decision(None, note, vanished, unsure)
    if looked:
        # what another group of parents holds now is known only when all groups were read
        regrouped = frozenset() if failed or unsure else left.regrouped
        scope = sure | gone | regrouped
        return Decision(
            _deletes(rule, scope, readings, accept=accept, gone=parted), note, vanished - scope, unsure
        )
    if not gone:
        return Decision(None, kept=vanished)
    # only changes were asked for: what is missing says nothing, but a parent that has gone does
    return Decision(_deletes(rule, gone, {}, accept=accept, gone=parted), kept=vanished - gone)


def _is_sure(reading: Reading) -> bool:
    """Whether what *reading* did not see may be gone."""
    return reading.complete and not (reading.shifted or reading.unseen or reading.drift)


def _unsure(readings: Mapping[str, Reading], *, some: bool) -> str:
    """Return why what vanished is not known although partitions were read to their end; empty when it is.

    An enumeration that went on at a numbered page does not see the live records that have moved up from there
    to a page that was read before: it cannot tell them from those that vanished. Nor can one that was seen to
    drift. *some* tells that there are live records at all.
    """
    complete = [reading for reading in readings.values() if reading.complete]
    shifted = [reading for reading in complete if reading.shifted]
    if shifted:
        return f"{_NEXT}: {went_on(shifted)}"
    drift = next((reading.unseen or reading.drift for reading in complete if not _is_sure(reading)), "")
    if drift:
        return f"{_NEXT}: {drift}"
    failed = sum(not reading.done for reading in readings.values())
    if failed and complete and some:
        return f"{_NEXT}: {failed} of {counted(len(readings), 'partition')} could not be read to the end"
    return ""


def _shrunken(left: Leaving) -> str:
    """Return what to tell of a list that has become shorter: that may be a slip of the pen (R9)."""
    if not left.unlisted:
        return ""
    told = f"no longer listed: {counted(len(left.unlisted), 'partition')}"
    return f"{told}; `run --accept-deletes` deletes what they had"


def _deletes(
    rule: Deletes,
    partitions: frozenset[str] | None,
    readings: Mapping[str, Reading],
    *,
    accept: bool,
    gone: frozenset[str] = frozenset(),
) -> SnapshotDeletes:
    slipped = rule.confirm is None and any(reading.counted for reading in readings.values())
    misses = rule.misses or (_UNPROVEN if slipped else 1)
    return SnapshotDeletes(partitions, rule.max_ratio, rule.allow_empty, accept, misses=misses, gone=gone)
