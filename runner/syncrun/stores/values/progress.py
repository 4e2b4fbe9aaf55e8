"""What a run goes on from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncrun.shapes import Column


@dataclass(frozen=True, slots=True)
class Saved:
    """What a run goes on from: progress by partition id, the open snapshot window, the table's columns.

    *paused* tells that the sync runs only by hand.
    """

    checkpoints: Mapping[str, Checkpoint] = field(default_factory=dict)
    window: str | None = None
    columns: tuple[Column, ...] = ()
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A saved progress as stored: *state* is the JSON text given to `Commit.checkpoints`."""

    partition: str
    state: str
    run_id: str
    updated_at: datetime
