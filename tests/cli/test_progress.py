"""Live progress: what a person at a terminal sees while runs go on."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console

from syncrun.cli.live import LiveProgress
from syncrun.engine.report import Event
from syncrun.stores.values.ids import SyncId
from tests.cli.test_run import REPORT, timeless
from tests.project_folder import ProjectFolder, clean_environment

SYNC = SyncId("acme", "github", "issues")
COLOUR = re.compile(r"\x1b\[(?:3|4|9)\d")


def watched(*events: Event, finish: bool = False) -> str:
    """What stands on the terminal after *events*; control codes left out."""
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=100, color_system=None)
    with LiveProgress(console=console) as live:
        for event in events:
            live.event(event)
        live._progress.refresh()
        shown = len(out.getvalue())
        if finish:
            live.report(replace(REPORT, run_id="r1"))
    text = out.getvalue() if finish else out.getvalue()[:shown]
    return re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", text)


def test_a_line_says_how_far_a_run_has_come() -> None:
    started = Event("run_started", SYNC, "r1", {"mode": "full"})
    assert "acme/issues 0:00:00" in watched(started)
    page = Event("page", SYNC, "r1", {"page": 1, "records": 1000})
    assert "acme/issues  1,000 records, 1 page 0:00:00" in watched(started, page)
    page = Event("page", SYNC, "r1", {"page": 1200, "records": 120_000})
    assert "acme/issues  120,000 records, 1,200 pages 0:00:00" in watched(started, page)


def test_a_line_has_a_bar_and_the_time_left_where_the_api_says_how_much_there_is() -> None:
    page = Event("page", SYNC, "r1", {"page": 1, "records": 1000, "share": 0.25})
    line = "acme/issues  1,000 records, 1 page 0:00:00 ━━━━━                25 %, about … s left"
    assert line in re.sub(r"\d\.\d s left", "… s left", watched(page))


def test_a_line_says_the_rate_after_a_second() -> None:
    moment = [0.0]
    out = StringIO()
    with LiveProgress(console=Console(file=out, force_terminal=True, width=120, color_system=None)) as live:
        live._progress.get_time = lambda: moment[0]  # type: ignore[method-assign]
        live.event(Event("run_started", SYNC, "r1", {"mode": "full"}))
        moment[0] = 4.0
        live.event(Event("page", SYNC, "r1", {"page": 2, "records": 10_000, "share": 0.25}))
        live._progress.refresh()
    assert "10,000 records, 2 pages, 2,500 a second" in out.getvalue()
    assert "25 %, about 12.0 s left" in out.getvalue()


def test_several_runs_end_with_a_table_and_one_does_not() -> None:
    second = replace(REPORT, run_id="r2", sync=replace(SYNC, sync="pulls"), status="failed")
    out = StringIO()
    with LiveProgress(console=Console(file=out, width=100)) as live:
        live.finish([REPORT], 0)
        assert out.getvalue() == ""
        live.finish([REPORT, second], 1)
    assert [line.split() for line in out.getvalue().splitlines() if "─" not in line and line.strip()] == [
        ["sync", "status", "added", "updated", "time"],
        ["acme/issues", "ok", "12", "3", "1.2", "s"],
        ["acme/pulls", "failed", "12", "3", "1.2", "s"],
        ["2", "syncs", "24", "6", "2.5", "s"],
    ]


def test_a_line_says_what_is_waited_for_without_reading_markup_into_it() -> None:
    event = Event("waiting", SYNC, "r1", {"reason": "waiting for [red]x[/red]"})
    assert "acme/issues  waiting for [red]x[/red] 0:00:00" in watched(event)


def test_every_run_has_its_line_until_its_summary_takes_its_place() -> None:
    other = replace(SYNC, sync="pulls")
    events = (
        Event("run_started", SYNC, "r1", {"mode": "full"}),
        Event("run_started", other, "r2", {"mode": "full"}),
    )
    both = watched(*events)
    assert "acme/issues 0:00:00" in both
    assert "acme/pulls  0:00:00" in both
    done = watched(*events, finish=True)
    assert "\n✓ acme/issues  12 added, 3 updated  (1.2 s)\n" in done.replace("\r", "\n")
    assert "acme/issues 0:00:00" not in done[done.index("✓") :]


def at_a_terminal(folder: Path, *args: str, **environ: str) -> tuple[int, str]:
    """Run a command whose standard error is a terminal; return its exit code and what it wrote there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "syncrun", *args],
        cwd=folder,
        env={**clean_environment(), "TERM": "xterm-256color", "COLUMNS": "120", **environ},
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        stdin=subprocess.DEVNULL,
    )
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 65536):
            written += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    return process.wait(30), written.decode()


def test_progress_is_live_on_a_terminal_and_has_no_colour_with_no_color(project: ProjectFolder) -> None:
    code, told = at_a_terminal(project.folder, "run", "acme/items", NO_COLOR="1")
    assert code == 0
    assert "\x1b[?25l" in told  # the cursor is hidden while lines move,
    assert told.rindex("\x1b[?25h") > told.rindex("\x1b[?25l")  # and shown again in the end
    assert "✓ acme/items  2 added  (0.0 s)" in timeless(told)
    assert not COLOUR.search(told)


def test_quiet_is_quiet_on_a_terminal_too(project: ProjectFolder) -> None:
    assert at_a_terminal(project.folder, "run", "acme/items", "--quiet") == (0, "")
