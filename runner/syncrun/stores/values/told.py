"""What a list of deleted ids says, for a commit to apply where nothing that was read is against it (R33)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from syncrun.shapes import StagedFile


@dataclass(frozen=True, slots=True)
class Version:
    """The *column* whose value tells versions of a record apart, and the type that it is compared in."""

    column: str
    kind: str


@dataclass(frozen=True, slots=True)
class Told:
    """Entries of lists of deleted ids, and how far the records are read that may be against them.

    A line of *files* has the partition `p`, the id `k`, and when it was deleted, `d`, where that is known.
    *lists* names the list of each partition whose records are being read; what an earlier commit kept of the
    same list counts too. It is applied in the partitions that are *done*, and kept for later in the others.

    An entry gives way to a record that is read, and to nothing else; with a *version* it stands, unless the
    record that is read, or else the stored one, is as new as it. With *scoped*, a list speaks of the records
    of its own partition alone.
    """

    files: Sequence[StagedFile] = ()
    lists: Mapping[str, str] = field(default_factory=dict)
    done: frozenset[str] = frozenset()
    version: Version | None = None
    scoped: bool = False
