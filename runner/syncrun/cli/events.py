"""`--json`: newline-delimited JSON on standard output that ends with exactly one `finished` event."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from syncrun.cli.failures import failure_of
from syncrun.cli.terminal import echo


class JsonEvents:
    """Writes events; may be shared between threads.

    A reader who goes away (`| head`) is no reason to end a run: what nobody reads is dropped.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over = False

    def write(self, event: str, **members: Any) -> None:
        """Write one event; *members* are JSON values."""
        line = json.dumps({"event": event, **members})  # ASCII: safe for every terminal and every file name
        with self._lock:
            if self._over:
                return
            try:
                echo(line)
            except BrokenPipeError:
                self._over = True
                drop_output()

    def finish(self, exit_code: int, **members: Any) -> None:
        """Write the terminal event; what comes after it is dropped."""
        self.write("finished", exit_code=int(exit_code), **members)
        self._over = True

    def fail(self, error: BaseException) -> None:
        """Write the terminal event of a command that *error* ends."""
        failure = failure_of(error)
        members: dict[str, Any] = {"error": failure.message}
        if failure.hint:
            members["hint"] = failure.hint
        if failure.problems:
            members["problems"] = [asdict(problem) for problem in failure.problems]
        self.finish(failure.exit_code, **members)


class EventCommand(click.Command):
    """A command with `--json`: whatever ends it, a `finished` event says so.

    The context object is the command's JsonEvents, None without `--json`.
    """

    def __init__(self, *args: Any, **members: Any) -> None:
        super().__init__(*args, **members)
        told = "Newline-delimited JSON events on stdout."
        self.params.append(click.Option(["--json", "as_json"], is_flag=True, help=told))

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse *args*; wrong ones end with the terminal event too."""
        asked = "--json" in args or bool(os.environ.get(f"SYNCRUN_{(info_name or '').upper()}_JSON"))
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            if asked:
                JsonEvents().fail(error)
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Do what the command does."""
        ctx.obj = None
        if not ctx.params.pop("as_json"):
            return super().invoke(ctx)
        events = ctx.obj = JsonEvents()
        try:
            return super().invoke(ctx)
        except BaseException as error:
            events.fail(error)
            raise


def drop_output() -> None:
    """Send the rest of standard output nowhere; Python would complain again when it flushes it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def counted(statuses: Mapping[str, int]) -> dict[str, int]:
    """Return how many runs ended with each status, those that none ended with included."""
    names = ("ok", "incomplete", "failed", "locked", "interrupted")
    return {name: statuses.get(name, 0) for name in names}
