"""What a run tells: events while it goes on, one report at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from syncrun.errors import ExitCode
from syncrun.stores.values.commit import Changes
from syncrun.stores.values.ids import SyncId

Status = Literal["ok", "incomplete", "failed", "locked", "interrupted"]

_EXIT_CODES: dict[str, ExitCode] = {
    "ok": ExitCode.OK,
    "incomplete": ExitCode.INCOMPLETE,
    "failed": ExitCode.FAILED,
    "locked": ExitCode.LOCKED,
    "interrupted": ExitCode.INTERRUPTED,
}
# What a command that ran several syncs ends with: the outcome that most wants a person's attention.
_SEVERITY: tuple[ExitCode, ...] = (
    ExitCode.INTERRUPTED,
    ExitCode.FAILED,
    ExitCode.LOCKED,
    ExitCode.INCOMPLETE,
)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run; *details* are JSON values."""

    name: str
    sync: SyncId
    run_id: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the event as one flat JSON object."""
        head = {"event": self.name, "connection": self.sync.connection, "connector": self.sync.connector}
        return {**head, "sync": self.sync.sync, "run": self.run_id, **self.details}


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run ended and what it changed.

    *notes* are things worth knowing that are no failure, *quarantine* is the one about rejected records.
    """

    sync: SyncId
    model: str
    run_id: str
    status: Status
    mode: str
    started_at: datetime
    ended_at: datetime
    changes: Changes = field(default_factory=Changes)
    records: int = 0
    pages: int = 0
    requests: int = 0
    message: str = ""
    hint: str = ""
    notes: tuple[str, ...] = ()
    quarantine: str = ""
    filtered: int = 0

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return (self.ended_at - self.started_at).total_seconds()

    @property
    def exit_code(self) -> ExitCode:
        """What a command that did only this run ends with."""
        return _EXIT_CODES[self.status]

    @property
    def counts(self) -> dict[str, int]:
        """The run's numbers by name, as they go into `syncrun.runs`."""
        changes = self.changes
        return {
            "records": self.records,
            "added": changes.added,
            "updated": changes.updated,
            "deleted": changes.deleted,
            "unchanged": changes.unchanged,
            "duplicates": changes.duplicates,
            "quarantined": changes.quarantined,
            "pages": self.pages,
            "requests": self.requests,
            "filtered": self.filtered,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the report as one flat JSON object, the details of a `run_finished` event."""
        end = {"message": self.message, "hint": self.hint, "notes": list(self.notes)}
        head = {"status": self.status, "mode": self.mode, "seconds": round(self.seconds, 3)}
        if self.changes.missing:
            head["missing"] = self.changes.missing
        return {**head, **self.counts, **{name: value for name, value in end.items() if value}}


def combined_exit_code(reports: list[RunReport]) -> ExitCode:
    """Return what a command that did all these runs ends with: the gravest, 0 when all succeeded."""
    codes = {report.exit_code for report in reports}
    return next((code for code in _SEVERITY if code in codes), ExitCode.OK)


def add_changes(first: Changes, second: Changes) -> Changes:
    """Return the sum of two commits of one run."""
    return Changes(
        added=first.added + second.added,
        updated=first.updated + second.updated,
        deleted=first.deleted + second.deleted,
        unchanged=first.unchanged + second.unchanged,
        duplicates=first.duplicates + second.duplicates,
        quarantined=first.quarantined + second.quarantined,
        last_seq=max(first.last_seq, second.last_seq),
        refused=second.refused or first.refused,
        vanished=tuple(dict.fromkeys([*first.vanished, *second.vanished])),
        basis=second.basis or first.basis,
        missing=second.missing,
        note=second.note or first.note,
    )
