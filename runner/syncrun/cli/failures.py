"""From whatever ends a command early to one message and an exit code."""

from __future__ import annotations

from dataclasses import dataclass

import click

from syncrun.engine import defects
from syncrun.errors import ConfigurationError, ExitCode, Problem, SyncrunError


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a command ended: *message* is one sentence, or all *problems* of the files at fault."""

    exit_code: int
    message: str
    hint: str = ""
    problems: tuple[Problem, ...] = ()

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


def failure_of(error: BaseException) -> Failure:
    """Return what to tell about *error*."""
    if isinstance(error, ConfigurationError):
        return Failure(ExitCode.USAGE, error.message, problems=error.problems)
    if isinstance(error, SyncrunError):
        return Failure(error.exit_code, error.message, error.hint)
    if isinstance(error, click.ClickException):
        return _refusal(error)
    if isinstance(error, (click.exceptions.Abort, KeyboardInterrupt)):
        return Failure(ExitCode.INTERRUPTED, "interrupted")
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return Failure(ExitCode.FAILED, f"{place}{error.strerror}")
    return _defect(error)


def _refusal(error: click.ClickException) -> Failure:
    """Describe wrong words on the command line, in the form that all messages have."""
    message, hint = " ".join(error.format_message().split()), ""
    if isinstance(error, (click.exceptions.NoSuchCommand, click.exceptions.NoSuchOption)):
        message = error.message
        if error.possibilities:
            hint = f"did you mean '{error.possibilities[0]}'?"
        elif error.ctx is not None and isinstance(error.ctx.command, click.Group):
            commands = ", ".join(error.ctx.command.list_commands(error.ctx))
            is_option = isinstance(error, click.exceptions.NoSuchOption)
            hint = "options come after the command" if is_option else f"one of: {commands}"
    if not hint and isinstance(error, click.UsageError) and error.ctx is not None:
        hint = f"{error.ctx.command_path} --help"
    return Failure(ExitCode.USAGE, message[:1].lower() + message[1:].removesuffix("."), hint)


def _defect(error: BaseException) -> Failure:
    """Describe a defect of syncrun itself, by its place: its message might hold a secret (R23)."""
    hint = "this is a defect of syncrun; SYNCRUN_TRACEBACK=1 shows the whole trace"
    return Failure(ExitCode.FAILED, defects.place_of(error), hint)


def trace_of(error: BaseException) -> str:
    """Return the whole trace of *error*, with the messages of errors that are meant for people."""
    return defects.trace_of(error, (SyncrunError, click.ClickException))
