"""What a commit would do, for somebody who wants to see it first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncrun.stores.values.commit import Changes


@dataclass(frozen=True, slots=True)
class Preview:
    """What a commit would do, had it been made.

    *records* and *rejected* are the first of each kind, *repeated* the first keys that came more than once.
    *table* says in words what would change about the model's table.
    """

    changes: Changes = field(default_factory=Changes)
    records: tuple[RecordChange, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    repeated: tuple[str, ...] = ()
    table: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordChange:
    """What a commit would do to one record: *action* is ADDED, UPDATED or DELETED.

    *values* are its fields as JSON values: those it would have, or the last ones of a deleted record.
    *before* are the fields of an updated record that differ, as they are stored.
    """

    action: str
    id: str
    partition: str
    values: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that would be quarantined: its *key* when usable, the *path* of the field, and it as JSON."""

    key: str | None
    reason: str
    path: str
    raw: str
