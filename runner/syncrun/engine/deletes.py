"""Whether a run may delete what it did not see: the whole policy, as one pure function (R7, R9)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from syncrun.config.partitions import PartitionSource
from syncrun.config.sync import Deletes, SnapshotInterval
from syncrun.engine.reading import Reading, went_on
from syncrun.stores.values.commit import Reach, SnapshotDeletes
from syncrun.wording import counted


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
    sources: Sequence[PartitionSource] = (),
    accept: bool = False,
) -> Decision:
    """Return what the set difference may delete after *readings*, by partition id.

    *stored* are the partitions that live records belong to; None for a sync without partitions, which are
    those that have no *sources*.
    """
    if rule is None:
        return Decision(None)  # the sync says that nothing is ever deleted
    if not rule.snapshot or mode != "full":
        # only changes were asked for: what is missing says nothing, but a parent that has gone does
        return _orphans(rule, (stored or frozenset()) - frozenset(readings), sources)
    unsure = _unsure(readings)
    complete = frozenset(
        name
        for name, reading in readings.items()
        if reading.complete and not reading.shifted and not reading.unseen
    )
    if stored is None:
        # one enumeration answers for the whole model
        whole = len(complete) == len(readings) == 1
        return Decision(_snapshot(rule, None, accept=accept) if whole else None, unsure=unsure)
    vanished = stored - frozenset(readings)
    if vanished and any(source.is_listed for source in sources) and not accept:
        # a shorter list, even an empty one, may be a slip of the pen: its records stay (R9)
        told = f"no longer listed: {counted(len(vanished), 'partition')}"
        note = f"{told}; `run --accept-deletes` deletes what they had"
        return Decision(_snapshot(rule, complete, accept=accept), note, vanished, unsure)
    if any(source.batch for source in sources) and len(complete) < len(readings):
        # groups shift when a parent comes or goes: what a failed one holds may be stored under another
        return Decision(_snapshot(rule, complete, accept=accept), kept=vanished, unsure=unsure)
    # a parent that is no longer live took its leave in a complete read of its own (R9)
    return Decision(_snapshot(rule, complete | vanished, accept=accept), unsure=unsure)


def _unsure(readings: Mapping[str, Reading]) -> str:
    """Return why what vanished is not known of partitions that were read to their end; empty when it is.

    An enumeration that went on at a numbered page does not see the live records that have moved up from there
    to a page that was read before: it cannot tell them from those that vanished.
    """
    shifted = [reading for reading in readings.values() if reading.complete and reading.shifted]
    unseen = [reading.unseen for reading in readings.values() if reading.complete and reading.unseen]
    if unseen and not shifted:
        return f"what vanished is looked for by the next complete read: {unseen[0]}"
    return f"what vanished is looked for by the next complete read: {went_on(shifted)}" if shifted else ""


def _orphans(rule: Deletes, vanished: frozenset[str], sources: Sequence[PartitionSource]) -> Decision:
    """Return the deletes of records whose parent left in a complete, guarded read of its own (R9)."""
    if not vanished or any(source.is_listed or source.batch for source in sources):
        return Decision(None)
    return Decision(SnapshotDeletes(vanished, rule.max_ratio, allow_empty=True))


def _snapshot(rule: Deletes, partitions: frozenset[str] | None, *, accept: bool) -> SnapshotDeletes:
    return SnapshotDeletes(partitions, rule.max_ratio, rule.allow_empty, accept)
