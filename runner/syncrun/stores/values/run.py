"""Runs as they are recorded: what they were, when, what they said and what they changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from syncrun.stores.values.ids import SyncId


@dataclass(frozen=True, slots=True)
class Run:
    """One row of `syncrun.runs`; written with every commit, and at the end whatever happened.

    *status*: running, ok, incomplete, failed, interrupted. *counts*: records, added, updated, deleted,
    unchanged, duplicates, quarantined, pages, requests (those that are known). *fresh_at* is when the read
    began that it went on with, None where it began its own.
    """

    id: str
    sync: SyncId
    model: str
    mode: str
    started_at: datetime
    status: str = "running"
    ended_at: datetime | None = None
    message: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    fresh_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunChoice:
    """Which runs are meant; what is empty does not matter."""

    connection: str = ""
    connector: str = ""
    sync: str = ""
    statuses: tuple[str, ...] = ()
    limit: int = 20


@dataclass(frozen=True, slots=True)
class LogLine:
    """A request or a message of a run: *request* holds the columns of `syncrun.requests` that are its own."""

    seq: int
    at: datetime
    level: str
    message: str = ""
    request: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Agenda:
    """What is known of when syncs ran: their newest run, when the newest ok read began, who is paused.

    *states* says whether a sync was last paused or resumed; an empty name stands for its whole connection.
    """

    last: Mapping[SyncId, Run] = field(default_factory=dict)
    fresh: Mapping[SyncId, datetime] = field(default_factory=dict)
    states: Mapping[SyncId, bool] = field(default_factory=dict)

    def paused(self, sync: SyncId) -> bool | None:
        """Return whether *sync* is paused, None when nobody ever paused or resumed it."""
        whole = SyncId(sync.connection, sync.connector, "")
        return self.states.get(sync, self.states.get(whole))


@dataclass(frozen=True, slots=True)
class RunChange:
    """What a run did to one record: its fields *before* and *after*, None where there are none or unknown."""

    id: str
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @property
    def fields(self) -> tuple[str, ...] | None:
        """The fields that changed, None when that is not known."""
        if self.before is None or self.after is None:
            return None
        return tuple(name for name, value in self.after.items() if value != self.before.get(name))


@dataclass(frozen=True, slots=True)
class RunChanges:
    """The changes of a run in their order; without *history* only those that no later run has overwritten."""

    changes: Iterator[RunChange]
    history: bool
