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
    """What a commit would do to one record: *action* is ADDED, UPDATED, DELETED or MISSING.

    *values* are its fields as JSON values: those it would have, or the last ones of a record that is deleted,
    or missing until another read does not see it either.
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


@dataclass(frozen=True, slots=True)
class AbsentRecord:
    """A live record that a complete read did not see; *values* are its fields as JSON values."""

    id: str
    partition: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Absent:
    """The live records that a commit did not see: their *ids*, and the *first* of them with their fields.

    *refused* tells that the guard refuses to delete so many.
    """

    ids: frozenset[str]
    first: tuple[AbsentRecord, ...]
    refused: bool
