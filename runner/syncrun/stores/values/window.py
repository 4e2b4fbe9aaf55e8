"""The time of a complete read, during which what others write counts as seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Window:
    """Since when a snapshot is being taken; *id* is empty for one that begins and ends with its commit."""

    id: str
    opened_at: datetime
    opened_seq: int
