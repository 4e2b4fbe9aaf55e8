"""What `syncrun run` shows: nothing, JSON events, plain lines for cron, or live progress on a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, Self

import click

from syncrun.engine.report import Event, RunReport

_MARKS = {"ok": "✓", "incomplete": "!", "failed": "✗", "locked": "…", "interrupted": "■"}


class Presenter(Protocol):
    """Somebody who tells a person or a program how runs go; called from several threads."""

    def event(self, event: Event) -> None:
        """Tell that something happened."""

    def report(self, report: RunReport) -> None:
        """Tell how one run ended."""

    def finish(self, reports: list[RunReport], exit_code: int) -> None:
        """Tell that all are over."""


@contextmanager
def presenter(*, as_json: bool, quiet: bool) -> Iterator[Presenter]:
    """Yield the presenter that fits the options and the terminal."""
    if as_json:
        yield JsonEvents()
    elif sys.stderr.isatty() and not quiet:
        with LiveProgress() as live:
            yield live
    else:
        yield Lines(quiet=quiet)


class JsonEvents:
    """Newline-delimited JSON on standard output, ending with exactly one `finished` event."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def event(self, event: Event) -> None:
        """Write one event."""
        self._write(event.to_json())

    def report(self, report: RunReport) -> None:
        """Write the `run_finished` event of a run."""
        self.event(Event("run_finished", report.sync, report.run_id, report.to_json()))

    def finish(self, reports: list[RunReport], exit_code: int) -> None:
        """Write the terminal event."""
        statuses = [str(report.status) for report in reports]
        counts = {status: statuses.count(status) for status in dict.fromkeys(statuses)}
        self._write({"event": "finished", "exit_code": exit_code, "runs": len(reports), **counts})

    def _write(self, document: dict[str, Any]) -> None:
        import orjson

        with self._lock:
            click.echo(orjson.dumps(document).decode())


class Lines:
    """One line a run, on standard error as cron mails it; with *quiet* only what needs attention."""

    def __init__(self, *, quiet: bool = False, err: bool = True) -> None:
        self._quiet, self._err = quiet, err
        self._lock = threading.Lock()

    def event(self, event: Event) -> None:
        """Tell only what a person waits for."""
        if event.name == "waiting":
            self._echo(f"{event.sync}: {event.details['reason']}")

    def report(self, report: RunReport) -> None:
        """Print the summary of a run."""
        if self._quiet and report.status == "ok":
            return
        self._echo(summary(report))

    def finish(self, reports: list[RunReport], exit_code: int) -> None:
        """Everything was told already."""

    def _echo(self, text: str) -> None:
        with self._lock:
            click.echo(text, err=self._err)


class LiveProgress(Lines):
    """Summary lines with one live line below them for each run that goes on."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def event(self, event: Event) -> None:
        """Show where a run stands."""
        task = self._tasks.get(event.run_id)
        if task is None:
            task = self._tasks[event.run_id] = self._progress.add_task(str(event.sync))
        details = event.details
        if event.name == "page":
            text = f"{event.sync}: {details['records']:,} records, {details['page']:,} pages"
            self._progress.update(task, description=text)
        elif event.name == "waiting":
            self._progress.update(task, description=f"{event.sync}: {details['reason']}")

    def report(self, report: RunReport) -> None:
        """Replace a run's live line by its summary."""
        task = self._tasks.pop(report.run_id, None)
        if task is not None:
            self._progress.remove_task(task)
        self._echo(summary(report))

    def _echo(self, text: str) -> None:
        self._console.print(text, markup=False)


def summary(report: RunReport) -> str:
    """Return the lines that tell how *report* ended: what changed, then what is wrong and what helps."""
    changes = report.changes
    parts = [
        f"{count:,} {word}"
        for count, word in (
            (changes.added, "added"),
            (changes.updated, "updated"),
            (changes.deleted, "deleted"),
            (changes.unchanged, "unchanged"),
            (changes.duplicates, "duplicate" if changes.duplicates == 1 else "duplicates"),
            (changes.quarantined, "quarantined"),
        )
        if count
    ]
    told = ", ".join(parts) or "nothing to change"
    lines = [f"{_MARKS[report.status]} {report.sync}: {told} ({report.seconds:.1f} s)"]
    if report.status != "ok":
        lines[0] = f"{_MARKS[report.status]} {report.sync}: {report.status}: {report.message}"
        if parts:
            lines.append(f"  kept: {told}")
    elif report.message:
        lines.append(f"  note: {report.message}")
    lines += [f"  hint: {report.hint}"] if report.hint else []
    lines += [f"  note: {note}" for note in report.notes]
    return "\n".join(lines)
