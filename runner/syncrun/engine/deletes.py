"""Whether a run may delete what it did not see: the whole policy, as one pure function (R7, R9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncrun.config.sync import Deletes
from syncrun.engine.reading import Reading
from syncrun.stores.base import SnapshotDeletes


@dataclass(frozen=True, slots=True)
class Decision:
    """What to delete (None: nothing), and what is worth telling about it."""

    deletes: SnapshotDeletes | None
    reason: str = ""


def decide(
    rule: Deletes | None,
    *,
    mode: str,
    readings: Mapping[str, Reading],
    stored: frozenset[str] | None,
    accept: bool = False,
) -> Decision:
    """Return what the set difference may delete after *readings*, by partition id.

    *stored* are the partitions that live records belong to; None for a sync without partitions.
    """
    if rule is None or not rule.snapshot:
        return Decision(None)  # the sync declares no snapshot
    if mode != "full":
        return Decision(None)  # only changes were asked for: what is missing says nothing
    complete = frozenset(name for name, reading in readings.items() if reading.complete)
    if stored is None:
        # one enumeration answers for the whole model
        whole = len(complete) == len(readings) == 1
        return Decision(_snapshot(rule, None, accept=accept) if whole else None)
    vanished = stored - frozenset(readings)
    listed = any(reading.partition.listed for reading in readings.values())
    if vanished and listed and not accept:
        # a shorter list may be a slip of the pen: its records stay until somebody says so (R9)
        reason = f"{len(vanished)} partitions are no longer listed; `run --accept-deletes` deletes their records"
        return Decision(_snapshot(rule, complete, accept=accept), reason)
    # a parent that is no longer live took its leave in a complete read of its own (R9)
    return Decision(_snapshot(rule, complete | vanished, accept=accept))


def _snapshot(rule: Deletes, partitions: frozenset[str] | None, *, accept: bool) -> SnapshotDeletes:
    return SnapshotDeletes(partitions, rule.max_ratio, rule.allow_empty, accept)
