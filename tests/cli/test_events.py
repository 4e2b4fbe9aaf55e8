"""`--json`: the events have the members that docs/reference/events.md names, and end with `finished`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from syncrun.cli import counts
from syncrun.engine import batch
from tests.api import Api
from tests.project_folder import ProjectFolder, clean_environment

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "events.md"
SECTION = re.compile(r"^##+ (?:`(?P<event>\w+)`|(?P<other>.*))$", re.MULTILINE)
TABLE = re.compile(r"(?:^\|.*\|\n)+", re.MULTILINE)
ROW = re.compile(r"^\| (?P<members>`.*?) \| (?P<what>.*) \|$", re.MULTILINE)


def documented() -> dict[str, list[dict[str, str]]]:
    """What the page says: by event its tables, each a description by member; "" is about all of a run."""
    text = PAGE.read_text(encoding="utf-8")
    heads = list(SECTION.finditer(text))
    found = {}
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        section = text[head.end() : following.start() if following else None]
        found[head["event"] or ("" if head["other"] == "Events of a run" else head["other"])] = [
            {
                name: row["what"]
                for row in ROW.finditer(table)
                for name in re.findall(r"`(\w+)`", row["members"])
            }
            for table in TABLE.findall(section)
        ]
    return found


def check(event: dict[str, object]) -> None:
    """Assert that *event* has the members of one of its tables, and no others."""
    name, page = str(event["event"]), documented()
    common = {"event": ""} if name in ("finished", "problem", "explanation", "test") else page[""][0]
    tables = [{**common, **table} for table in page[name]]
    assert any(
        {member for member, what in table.items() if not what.startswith("optional")}
        <= event.keys()
        <= table.keys()
        for table in tables
    ), event


def test_every_event_of_a_run_has_the_documented_members(project: ProjectFolder) -> None:
    events = project.run("--all").events
    assert {event["event"] for event in events} == {"run_started", "page", "run_finished", "finished"}
    for event in events:
        check(event)
    assert events[-1] == {
        "event": "finished",
        "exit_code": 0,
        "runs": 3,
        "ok": 3,
        "incomplete": 0,
        "failed": 0,
        "locked": 0,
        "interrupted": 0,
    }


def test_the_events_of_a_run_name_it(project: ProjectFolder) -> None:
    events = project.run("acme/items").events[:-1]
    [identity] = project.query("SELECT id FROM syncrun.runs")
    heads = {(e["connection"], e["connector"], e["sync"], e["run"]) for e in events}
    assert heads == {("acme", "store", "items", *identity)}


def test_every_event_of_validate_has_the_documented_members(project: ProjectFolder) -> None:
    project.write("connectors/bad.yaml", "connector: bad\nbase_url: 5\nsyncs: {x: {request: /a, ky: id}}\n")
    events = project.syncrun("validate", "--json").events
    assert [event["event"] for event in events] == ["problem", "problem", "finished"]
    for event in events:
        check(event)
    assert events[0]["file"] == "connectors/bad.yaml"
    assert (events[0]["line"], events[0]["column"]) == (2, 11)
    assert events[-1] == {"event": "finished", "exit_code": 2, "files": 3, "errors": 2, "warnings": 0}


@pytest.mark.parametrize(
    ("args", "error", "hint"),
    [
        (["--jobs", "0"], "Invalid value for '--jobs': 0 is not in the range 1<=x<=64.", None),
        (["--jbos", "1"], "No such option '--jbos'.", "--jobs"),
        (["acne"], "no connection or connector is called 'acne'", "did you mean 'acme'?"),
        ([], "nothing to run: name a connection or CONNECTION/SYNC", "name one of acme, or give --all"),
        (
            ["--lock-timeout", "nan"],
            "Invalid value for '--lock-timeout': 'nan' is no length of time; write seconds, or such as 90s, 5m, 1h",
            None,
        ),
    ],
)
def test_wrong_arguments_end_with_the_terminal_event_too(
    project: ProjectFolder, args: list[str], error: str, hint: str | None
) -> None:
    done = project.syncrun("run", "--json", *args)
    [event] = done.events
    check(event)
    assert (done.exit_code, event["exit_code"]) == (2, 2)
    assert event["error"].startswith(error)
    assert hint is None or hint in event.get("hint", event["error"])
    assert error in done.stderr


def test_broken_files_end_with_the_terminal_event_and_every_problem(project: ProjectFolder) -> None:
    project.write("syncrun.yaml", "database: 5\nconectons: {}\n")
    done = project.syncrun("run", "acme", "--json")
    [event] = done.events
    check(event)
    assert done.exit_code == event["exit_code"] == 2
    assert event["problems"] == [
        {
            "message": "expected text, got the number 5",
            "file": "syncrun.yaml",
            "line": 1,
            "column": 11,
            "hint": "put it in quotes",
            "severity": "error",
        },
        {
            "message": "unknown key 'conectons'",
            "file": "syncrun.yaml",
            "line": 2,
            "column": 1,
            "hint": "did you mean 'connections'?",
            "severity": "error",
        },
    ]
    assert event["error"] == done.stderr.rstrip("\n")


def test_a_defect_ends_with_the_terminal_event_and_the_other_runs_go_on(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sync = batch.run_sync

    def broken(job, *rest):
        if job.id.sync == "items":
            raise KeyError("s3cret")
        return run_sync(job, *rest)

    monkeypatch.setattr(batch, "run_sync", broken)
    done = project.syncrun("run", "--all", "--json")
    assert list(done.reports) == ["events", "notes"]
    [event] = [event for event in done.events if event["event"] == "finished"]
    assert event == done.events[-1]
    check(event)
    assert done.exit_code == event["exit_code"] == 1
    assert re.fullmatch(r"internal error: KeyError in broken \(line \d+\)", event["error"])
    assert event["hint"] == "this is a defect of syncrun; SYNCRUN_TRACEBACK=1 shows the whole trace"
    assert done.stderr == f"error: {event['error']}\n  hint: {event['hint']}\n"


def test_a_reader_that_goes_away_ends_no_run(project: ProjectFolder) -> None:
    command = f"'{sys.executable}' -m syncrun run --all --json | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=project.folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["event"] == "run_started"
    assert project.query("SELECT sync, status FROM syncrun.runs ORDER BY sync") == [
        ("events", "ok"),
        ("items", "ok"),
        ("notes", "ok"),
    ]


def test_a_run_that_waits_says_so(project: ProjectFolder, api: Api) -> None:
    import duckdb

    project.run("acme/items")
    with duckdb.connect(str(project.database), read_only=True):
        done = project.run("acme/items", "--lock-timeout", "2", exit_code=75)
    [event] = [event for event in done.events if event["event"] == "waiting"]
    check(event)
    assert event["reason"] == f"waiting for {project.database}, which is held by this process itself"


def test_counts_are_told_as_people_read_them() -> None:
    numbers = {"added": 1200, "updated": 0, "duplicates": 1, "pages": 7, "quarantined": None}
    assert counts.told(numbers) == "1,200 added, 1 duplicate"
    assert counts.told({"duplicates": 2}) == "2 duplicates"
