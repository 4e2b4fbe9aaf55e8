"""What a person at a terminal sees while runs go on: a line a run, and a table when all are over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from rich import box
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from syncrun.cli import counts
from syncrun.cli.progress import Lines
from syncrun.cli.terminal import visible
from syncrun.engine.report import Event, RunReport
from syncrun.wording import counted

_COUNTED = ("added", "updated", "deleted", "unchanged", "quarantined")


class LiveProgress(Lines):
    """Summary lines with one live line below them for each run that goes on."""

    def __init__(self, *, width: int = 0, console: Console | None = None) -> None:
        super().__init__(width=width)
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            _Bar(bar_width=20),
            _Left(),
        )
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def event(self, event: Event) -> None:
        """Show where a run stands."""
        details = event.details
        task = self._tasks.get(event.run_id)
        if task is None:
            task = self._tasks[event.run_id] = self._progress.add_task(str(event.sync), total=None)
        if event.name == "page":
            records, pages = counted(details["records"], "record"), counted(details["page"], "page")
            told = f"{records}, {pages}{self._rate(event, task)}"
            share = details.get("share")
            self._progress.update(task, completed=share or 0.0, total=None if share is None else 1.0)
        elif event.name == "waiting":
            told = visible(details["reason"])
        else:
            return
        self._progress.update(task, description=f"{event.sync}  {told}")

    def report(self, report: RunReport) -> None:
        """Replace a run's live line by its summary."""
        task = self._tasks.pop(report.run_id, None)
        if task is not None:
            self._progress.remove_task(task)
            self._progress.refresh()
        super().report(report)

    def finish(self, reports: Sequence[RunReport], exit_code: int) -> None:
        """Show what several runs did as a table."""
        del exit_code
        if len(reports) > 1:
            self._console.print(summary_table(reports))

    def _rate(self, event: Event, task: TaskID) -> str:
        """Return how many records a second there were so far; nothing in the first second."""
        elapsed = self._progress.tasks[self._progress.task_ids.index(task)].elapsed or 0.0
        return f", {event.details['records'] / elapsed:,.0f} a second" if elapsed >= 1 else ""

    def _echo(self, text: str) -> None:
        self._console.print(visible(text), markup=False)


class _Bar(BarColumn):
    """A bar where it is known how much there is."""

    def render(self, task: Task) -> RenderableType:  # type: ignore[override]
        """Return the bar of *task*."""
        return Text("") if task.total is None else super().render(task)


class _Left(ProgressColumn):
    """How much is done and how long the rest will take, where it is known how much there is."""

    def render(self, task: Task) -> Text:
        """Return the words about *task*."""
        if task.total is None or not task.completed or task.elapsed is None:
            return Text("")
        left = task.elapsed * (task.total - task.completed) / task.completed
        return Text(f"{task.percentage:.0f} %, about {counts.duration(left)} left")


def summary_table(reports: Sequence[RunReport]) -> Table:
    """Return what the runs did, one a row, with their sums below."""
    several = [(name, [report.counts[name] for report in reports]) for name in _COUNTED]
    shown = [(name, numbers) for name, numbers in several if any(numbers)]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_footer=True)
    table.add_column("sync", counted(len(reports), "sync"), overflow="fold")
    table.add_column("status")
    for name, numbers in shown:
        table.add_column(name, f"{sum(numbers):,}", justify="right")
    table.add_column("time", counts.duration(sum(report.seconds for report in reports)), justify="right")
    for row, report in enumerate(reports):
        cells = (f"{numbers[row]:,}" for _, numbers in shown)
        table.add_row(Text(str(report.sync)), report.status, *cells, counts.duration(report.seconds))
    return table
