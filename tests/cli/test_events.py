"""`--json`: the events are those that the schema describes, and end with `finished`."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator

from syncrun import resources
from syncrun.cli import counts
from syncrun.config.event_schema import events_schema
from syncrun.engine import batch
from tests.api import Api
from tests.project_folder import ProjectFolder, clean_environment

EXACT = Draft202012Validator(events_schema(exact=True))
PUBLISHED = Draft202012Validator(json.loads((resources.folder("schemas") / "events.schema.json").read_text()))


def check(event: dict[str, object]) -> None:
    """Assert that *event* has the members that its definition names, and no others."""
    EXACT.validate(event)
    PUBLISHED.validate({**event, "a_member_of_a_later_version": 1})


def test_an_event_that_lacks_a_member_or_has_one_too_many_is_none() -> None:
    finished = {"event": "finished", "exit_code": 0}
    check(finished)
    assert not EXACT.is_valid({**finished, "more": 1})
    assert not EXACT.is_valid({"event": "finished"})
    assert not EXACT.is_valid({"event": "unheard_of", "exit_code": 0})
    assert not PUBLISHED.is_valid({"event": "unheard_of", "exit_code": 0})


def test_the_schema_is_printed_too(project: ProjectFolder) -> None:
    assert json.loads(project.syncrun("schema", "events").stdout) == PUBLISHED.schema


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
        (["--jobs", "0"], "invalid value for '--jobs': 0 is not in the range 1<=x<=64", "syncrun run --help"),
        (["--jbos", "1"], "no such option '--jbos'", "did you mean '--jobs'?"),
        (["acne"], "no connection or connector is called 'acne'", "did you mean 'acme'?"),
        ([], "nothing to run: name a connection or CONNECTION/SYNC", "name one of acme, or give --all"),
        (
            ["--lock-timeout", "nan"],
            "invalid value for '--lock-timeout': 'nan' is no length of time; write seconds, or such as 90s, 5m, 1h",
            "syncrun run --help",
        ),
    ],
)
def test_wrong_arguments_end_with_the_terminal_event_too(
    project: ProjectFolder, args: list[str], error: str, hint: str
) -> None:
    done = project.syncrun("run", "--json", *args)
    [event] = done.events
    check(event)
    assert (done.exit_code, event["exit_code"]) == (2, 2)
    assert (event["error"], event["hint"]) == (error, hint)
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
