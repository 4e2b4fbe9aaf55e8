"""A commit: everything that becomes true at one instant, and what that did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from syncrun.shapes import Model, RejectedFile, StagedFile
from syncrun.stores.values.basis import Basis, Home
from syncrun.stores.values.run import Run
from syncrun.stores.values.told import Told, Version

SMALL = 1000
"""Records of a commit whose statements are quicker to run than to plan."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything that becomes true at one instant, or not at all (R2, R12).

    *staged* and *rejected* are read in order: the last row of a key wins, or with *newest_first* the first.
    *checkpoints* maps a partition id to the JSON text to keep, or to None to forget it. *snapshot*, when
    given, is the id of an open window: the ids of this commit are remembered in it (`syncrun.seen`) until a
    commit with *deletes* closes it (R8); without it *deletes* look at this commit's ids alone. *log* are
    files of the run's log (see `stores.run_log`), of which lines that are there already are passed over.
    *basis* is the state of the database that all this stands for; None: any. *home* is the project that the
    connection is of, and *home_before* the one that it was taken over from.
    *told* is what lists of deleted ids say. What the window remembers of the partitions *unseen* does not
    count any more: they are read from their beginning once more.
    """

    run: Run
    model: Model
    at: datetime
    staged: Sequence[StagedFile] = ()
    rejected: Sequence[RejectedFile] = ()
    checkpoints: Mapping[str, str | None] = field(default_factory=dict)
    snapshot: str | None = None
    deletes: SnapshotDeletes | None = None
    log: Sequence[Path] = ()
    newest_first: bool = False
    basis: Basis | None = None
    home: Home | None = None
    home_before: Home | None = None
    told: Told | None = None
    unseen: frozenset[str] = frozenset()

    @property
    def rows(self) -> int:
        """How many lines are staged."""
        return sum(file.rows for file in self.staged)

    @property
    def quarantined(self) -> int:
        """How many records are rejected."""
        return sum(file.rows for file in self.rejected)


@dataclass(frozen=True, slots=True)
class Reach:
    """What a read asked for: records whose *version* is *least* or more; None: that is not known."""

    version: Version | None
    least: str | None


@dataclass(frozen=True, slots=True)
class SnapshotDeletes:
    """Delete what a complete enumeration did not see (R7, R9, R10, R32).

    *partitions*: the ids of the partitions enumerated completely (and of those that rightly vanished, which
    are also in *gone*); None means the whole of the connection's model. A record is deleted when so many
    complete reads in a row, *misses*, have not seen it; until then it waits. *only* are the records that may
    be missing at all; None: any. Only what is within *reach* can be missing. So many records were read whose
    key could not be (*nameless*): any of those missing may be among them. *accept* overrides the guard, and
    waits for nothing.
    """

    partitions: frozenset[str] | None = None
    max_ratio: float = 0.5
    allow_empty: bool = False
    accept: bool = False
    reach: Reach | None = None
    nameless: int = 0
    misses: int = 1
    gone: frozenset[str] = frozenset()
    only: frozenset[str] | None = None

    @property
    def at_once(self) -> bool:
        """Whether the first complete read that does not see a record deletes it."""
        return self.accept or self.misses <= 1

    @property
    def plain(self) -> bool:
        """Whether any record of the connection's model may be missing."""
        return self.partitions is None and self.only is None and self.reach is None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Deletes that the guard refused (R10): nothing was deleted."""

    would_delete: int
    live: int
    reason: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What a commit did to the live records. *last_seq* is the newest position of the change feed.

    So many records of the connection's model are *missing*: they wait for another read that does not see
    them. *note* tells of deletes that are many, though allowed. *vanished* are the fields that had values
    before, and have none in any live record after it. *basis* is the state of the database after it.
    """

    added: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    duplicates: int = 0
    quarantined: int = 0
    last_seq: int = 0
    refused: Refusal | None = None
    vanished: tuple[str, ...] = ()
    basis: Basis | None = field(default=None, compare=False)
    missing: int = 0
    note: str = ""
