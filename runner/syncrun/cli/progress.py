"""What `syncrun run` shows: JSON events, plain lines for cron, or live progress on a terminal."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from syncrun.cli import counts
from syncrun.cli.events import JsonEvents, counted
from syncrun.cli.terminal import echo
from syncrun.engine.report import Event, RunReport

_MARKS = {"ok": "✓", "incomplete": "!", "failed": "✗", "locked": "…", "interrupted": "■"}
_WIDEST = 40  # columns that names may take before they stop being aligned


class Presenter(Protocol):
    """Somebody who tells a person or a program how runs go; called from several threads."""

    def event(self, event: Event) -> None:
        """Tell that something happened."""

    def report(self, report: RunReport) -> None:
        """Tell how one run ended."""

    def finish(self, reports: Sequence[RunReport], exit_code: int) -> None:
        """Tell that all are over."""


@contextmanager
def presenter(events: JsonEvents | None, names: Sequence[str], *, quiet: bool) -> Iterator[Presenter]:
    """Yield the presenter that fits the options and the terminal; *names* are those of the syncs to come."""
    width = min(max(map(len, names), default=0), _WIDEST)
    if events is not None:
        yield Events(events)
    elif sys.stderr.isatty() and not quiet:
        from syncrun.cli.live import LiveProgress

        with LiveProgress(width=width) as live:
            yield live
    else:
        yield Lines(quiet=quiet, width=width)


class Events:
    """Every event and report as JSON (docs/reference/events.md)."""

    def __init__(self, events: JsonEvents) -> None:
        self._events = events

    def event(self, event: Event) -> None:
        """Write one event."""
        document = event.to_json()
        self._events.write(document.pop("event"), **document)

    def report(self, report: RunReport) -> None:
        """Write the `run_finished` event of a run."""
        self.event(Event("run_finished", report.sync, report.run_id, report.to_json()))

    def finish(self, reports: Sequence[RunReport], exit_code: int) -> None:
        """Write the terminal event."""
        statuses = Counter(str(report.status) for report in reports)
        self._events.finish(exit_code, runs=len(reports), **counted(statuses))


class Lines:
    """One line a run, on standard error as cron mails it; with *quiet* only what needs attention."""

    def __init__(self, *, quiet: bool = False, width: int = 0, err: bool = True) -> None:
        self._quiet, self._width, self._err = quiet, width, err
        self._lock = threading.Lock()

    def event(self, event: Event) -> None:
        """Tell only what a person waits for."""
        if event.name == "waiting" and not self._quiet:
            self._echo(f"{event.sync.label}: {event.details['reason']}")

    def report(self, report: RunReport) -> None:
        """Print the summary of a run."""
        if not (self._quiet and report.status == "ok"):
            self._echo(summary(report, width=self._width))
        elif report.quarantine:
            self._echo(f"! {report.sync.label}: {report.quarantine}")

    def finish(self, reports: Sequence[RunReport], exit_code: int) -> None:
        """Everything was told already."""

    def _echo(self, text: str) -> None:
        with self._lock:
            echo(text, err=self._err)


def summary(report: RunReport, *, width: int = 0) -> str:
    """Return the lines that tell how *report* ended: what changed, then what is wrong and what helps.

    Names are filled up to *width* columns, for several lines below each other.
    """
    mark, told = _MARKS[report.status], counts.told(report.counts)
    notes = [f"  note: {note}" for note in report.notes]
    if report.status == "ok":
        notes = [f"  note: {report.message}", *notes] if report.message else notes
        name = str(report.sync).ljust(width)
        return "\n".join(
            [f"{mark} {name}  {told or 'nothing to change'}  ({counts.duration(report.seconds)})", *notes]
        )
    word = "incomplete: " if report.status == "incomplete" else ""
    lines = [f"{mark} {report.sync.label}: {word}{report.message}"]
    lines += [f"  hint: {report.hint}"] if report.hint else []
    lines += [f"  kept: {told}"] if told else []
    return "\n".join(lines + notes)
