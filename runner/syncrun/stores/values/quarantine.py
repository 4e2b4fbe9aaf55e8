"""A rejected record, as it is kept."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from syncrun.stores.values.ids import SyncId


class Quarantined(Struct, frozen=True):
    """One record of `syncrun.quarantine`: *key* is its canonical text, *raw* what was received, as JSON."""

    sync: SyncId
    model: str
    key: str | None
    reason: str
    path: str | None
    raw: str | None
    rejected_at: datetime
    reviewed_at: datetime | None


class QuarantineCount(Struct, frozen=True):
    """How many rejected records of a sync are kept, and how many of them nobody has reviewed."""

    kept: int = 0
    unreviewed: int = 0
