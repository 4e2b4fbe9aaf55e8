"""Every exception that syncrun raises on purpose, and the exit code it ends a command with.

SyncrunError                 1
├── ConfigurationError       2   problems of files, each with its place
├── UsageError               2   bad arguments or unknown names
├── ExpressionError          2   a JMESPath expression or template that cannot be parsed
├── LockedError             75   another run, or another program, holds what is needed
├── CredentialError          1   no token to be had: every request of the connection would fail
├── Interrupted            130   a person or the system asked to stop
├── InternalError            1   a defect of syncrun, which ends one run and no other
└── RunError                 1   a run that cannot go on
    ├── RequestError             no usable answer: network, status, retries used up
    │   └── UnknownServerError   a link or redirect leads to a server that the connector does not name
    ├── ResponseError            an answer that is not what the connector describes
    ├── EvaluationError          an expression that fails on the data at hand
    ├── HookError                a hook of the connector fails, or gives what it may not
    ├── CheckpointError          saved progress that is unreadable or foreign (R1)
    └── StoreError               the database refuses
        ├── OtherDatabaseError   another one, or none, where the run's own was
        └── OtherProjectError    the connection is another project's
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command tells its caller (cron, a shell, an orchestrator)."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INCOMPLETE = 3
    LOCKED = 75
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file, at a place that an editor can jump to (line and column count from 1)."""

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    hint: str = ""
    severity: str = "error"

    @property
    def place(self) -> str:
        """`file:line:column`, as far as it is known."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)

    def __str__(self) -> str:
        label = "warning: " if self.severity == "warning" else ""
        first = f"{self.place}: {label}{self.message}" if self.place else f"{label}{self.message}"
        return f"{first}\n  hint: {self.hint}" if self.hint else first


class SyncrunError(Exception):
    """Anything that syncrun reports as one clear message instead of a traceback."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class ConfigurationError(SyncrunError):
    """Files that cannot be used; carries every problem found, not only the first."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class UsageError(SyncrunError):
    """Arguments or names that mean nothing here."""

    exit_code = ExitCode.USAGE


class ExpressionError(SyncrunError):
    """An expression or template that cannot be parsed; *offset* counts characters from 0 into *text*."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, *, text: str, offset: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.text = text
        self.offset = offset


class LockedError(SyncrunError):
    """Another run holds the sync, or another program holds the database file."""

    exit_code = ExitCode.LOCKED


class CredentialError(SyncrunError):
    """No token to be had: nobody signed in, or the API refuses. It ends a run, not only a partition of it."""


class Interrupted(SyncrunError):  # noqa: N818 - it is no error: somebody asked for it
    """A person or the system asked to stop; progress is saved before the process ends."""

    exit_code = ExitCode.INTERRUPTED


class InternalError(SyncrunError):
    """A defect of syncrun that ended a run: where it is, and what the run was doing."""


class RunError(SyncrunError):
    """A run that cannot go on; what it has committed stays, and it deletes nothing (R7)."""


class RequestError(RunError):
    """No usable answer; *status* is None when none came at all.

    *then* is what an error rule of the connector asks for: `skip`, `reset`, `fail`, …; empty without a rule.
    """

    def __init__(self, message: str, *, status: int | None = None, hint: str = "", then: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.then = then


class UnknownServerError(RequestError):
    """A link or a redirect leads to a server that the connector does not name (R19); it was not asked."""


class ResponseError(RunError):
    """An answer that is not what the connector describes."""


class EvaluationError(RunError):
    """An expression that fails on the data at hand, such as `sum` over strings."""


class HookError(RunError):
    """A hook that raises, cannot be loaded, or returns what means nothing at its stage."""


class CheckpointError(RunError):
    """Saved progress that is unreadable or was written by another definition (R1)."""


class StoreError(RunError):
    """The database refuses, or holds what this version cannot use."""


class OtherDatabaseError(StoreError):
    """Another database, an older copy or none is where that of the run was: nothing is written to it."""


class OtherProjectError(StoreError):
    """The connection of this name in the database is another project's: nothing is written to it."""
