"""What a run goes on from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncrun.shapes import Column
from syncrun.stores.values.basis import Basis, Home


@dataclass(frozen=True, slots=True)
class Saved:
    """What a run goes on from: progress by partition id, the open snapshot window, the table's columns.

    *paused* tells that the sync runs only by hand. *basis* is the state of the database, None while there is
    none that has an identity; *home* is the project that the connection is of. *missing* are
    the partitions that have missing records.
    """

    checkpoints: Mapping[str, Checkpoint] = field(default_factory=dict)
    window: str | None = None
    columns: tuple[Column, ...] = ()
    paused: bool = False
    basis: Basis | None = None
    home: Home | None = None
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A saved progress as stored: *state* is the JSON text given to `Commit.checkpoints`."""

    partition: str
    state: str
    run_id: str
    updated_at: datetime
