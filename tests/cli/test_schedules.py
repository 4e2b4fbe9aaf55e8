"""Schedules as cron and people meet them: `run --due`, `pause`, `resume`, `status`, `list`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from syncrun.engine import locks
from syncrun.engine.outside import Outside
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.run import Agenda
from tests.api import Api
from tests.project_folder import ProjectFolder

NOTHING = {"runs": 0, "ok": 0, "incomplete": 0, "failed": 0, "locked": 0, "interrupted": 0}


def schedule(project: ProjectFolder, api: Api, **syncs: Mapping[str, Any]) -> None:
    """Give the syncs of the connection their schedules; the others are disabled."""
    others = {name: {"enabled": False} for name in ("items", "notes", "events") if name not in syncs}
    connection = {"connector": "store", "config": {"url": api.url}, "syncs": {**others, **syncs}}
    project.write_project(acme=connection)


def let_pass(project: ProjectFolder, **time: float) -> None:
    """Make all runs older."""
    with duckdb.connect(str(project.database)) as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute(
            "UPDATE syncrun.runs SET started_at = started_at - ?, ended_at = ended_at - ?",
            [timedelta(**time)] * 2,
        )


def ran(project: ProjectFolder, *args: str, exit_code: int = 0) -> list[str]:
    return list(project.run(*args, exit_code=exit_code).reports)


def test_what_never_ran_is_due_and_then_not_before_its_next_slot(project: ProjectFolder, api: Api) -> None:
    schedule(project, api, items={"every": "1d"}, events={"every": "every week"})
    assert ran(project, "--due") == ["items", "events"]
    assert project.run("--due").events == [{"event": "finished", "exit_code": 0, **NOTHING}]
    let_pass(project, days=1)
    assert ran(project, "--due") == ["items"]
    let_pass(project, days=7)
    assert ran(project, "--due") == ["items", "events"]


def test_parents_that_are_due_run_before_their_children(project: ProjectFolder, api: Api) -> None:
    schedule(project, api, notes={"every": "1h"}, items={"every": "1h"})
    assert ran(project, "--due") == ["items", "notes"]


def test_a_parent_without_a_schedule_runs_with_its_children(project: ProjectFolder, api: Api) -> None:
    schedule(project, api, notes={"every": "1h"}, items={})
    assert ran(project, "--due") == ["items", "notes"]
    assert ran(project, "--due") == []


def test_a_project_says_how_often_syncs_run_that_say_nothing(project: ProjectFolder) -> None:
    file = project.folder / "syncrun.yaml"
    project.write("syncrun.yaml", f"every: 1h\n{file.read_text()}")
    assert ran(project, "--due") == ["items", "events", "notes"]


def test_nothing_due_is_told_to_people_and_kept_from_cron(project: ProjectFolder, api: Api) -> None:
    assert project.syncrun("run", "--due").stderr == (
        "nothing is due: no sync has a schedule; give it such as every: 1h\n"
    )
    schedule(project, api, items={"cron": "0 6 1 1 *", "timezone": "Europe/Berlin"})
    project.run("--due")
    done = project.syncrun("run", "--due")
    assert re.fullmatch(r"nothing is due; next is acme/items at \d{4}-01-01T05:00:00Z\n", done.stderr)
    done = project.syncrun("run", "--due", "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_a_sync_whose_run_goes_on_is_left_alone(project: ProjectFolder, api: Api) -> None:
    schedule(project, api, items={"every": "1h"}, events={"every": "1h"})
    folder = locks.folder_of(project.database)
    with locks.hold(folder, SyncId("acme", "store", "items"), run_id="other", timeout=0):
        assert ran(project, "--due") == ["events"]
    assert ran(project, "--due") == ["items"]


def test_a_failed_run_waits_for_its_next_slot(project: ProjectFolder, api: Api) -> None:
    schedule(project, api, items={"every": "1d"})
    api.clear()
    api.on("GET /items", status=500)
    assert ran(project, "--due", exit_code=1) == ["items"]
    assert ran(project, "--due") == []
    let_pass(project, days=1)
    assert ran(project, "--due", exit_code=1) == ["items"]


def test_that_nothing_is_due_is_forgotten_as_soon_as_a_file_changes(
    project: ProjectFolder, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Agenda] = []
    look = DuckDBStore.agenda
    monkeypatch.setattr(DuckDBStore, "agenda", lambda store: looks.append(look(store)) or looks[-1])
    schedule(project, api, items={"every": "30d"}, events={"every": "30d"})
    assert ran(project, "--due") == ["items", "events"]
    for _ in range(3):
        assert project.syncrun("run", "--due").stderr.startswith("nothing is due; next is acme/")
    assert len(looks) == 1

    file = project.folder / "connectors" / "store.yaml"
    file.write_text(
        file.read_text().replace("  items:\n", "  more: {request: /items, every: 1h}\n  items:\n")
    )
    assert ran(project, "--due") == ["more"]
    project.syncrun("run", "--due")
    schedule(project, api, items={"every": "30d"}, notes={"every": "30d"})
    assert ran(project, "--due") == ["notes"]
    project.syncrun("run", "--due")
    let_pass(project, days=30)
    assert ran(project, "--due") == ["more", "items", "notes"]


@pytest.mark.parametrize("args", [["acme"], ["--all"], ["--if-stale", "1h"]])
def test_due_goes_with_nothing_else(project: ProjectFolder, args: list[str]) -> None:
    done = project.syncrun("run", "--due", *args)
    assert (done.exit_code, done.stderr) == (
        2,
        "error: --due goes with no names, --all or --if-stale\n  hint: it looks at every sync\n",
    )


def test_a_paused_sync_runs_only_by_its_name_and_says_so(project: ProjectFolder, api: Api) -> None:
    schedule(project, api, items={"every": "1h"}, events={"every": "1h"})
    done = project.syncrun("pause", "acme/items")
    assert done.stderr == "acme/items is paused until `syncrun resume acme/items`\n"
    assert ran(project, "--due") == ["events"]
    assert ran(project, "--all") == ["events"]
    assert project.syncrun("run", "--all").stderr.startswith("store/items [acme] is left out: it is paused\n")
    report = project.run("acme/items").reports["items"]
    assert report["notes"] == [
        "the sync is paused: only by hand does it run, until `syncrun resume acme/items`"
    ]
    let_pass(project, hours=2)
    assert ran(project, "--due") == ["events"]
    done = project.syncrun("resume", "acme/items")
    assert done.stderr == "acme/items is resumed: what is due runs with the next `syncrun run --due`\n"
    assert ran(project, "--due") == ["items"]


def test_a_paused_connection_rests_but_for_the_syncs_resumed_since(project: ProjectFolder, api: Api) -> None:
    schedule(project, api, items={"every": "1h"}, events={"every": "1h"})
    assert project.syncrun("pause", "acme").stderr == (
        "all syncs of acme are paused until `syncrun resume acme`\n"
    )
    assert ran(project, "--due") == []
    project.syncrun("resume", "acme/events")
    assert ran(project, "--due") == ["events"]
    project.syncrun("resume", "acme")
    assert ran(project, "--due") == ["items"]


@pytest.mark.parametrize("start", [("run", "acme/items"), ("resume", "acme/items"), ("resume", "acme")])
def test_without_auto_start_the_first_run_is_by_hand(
    project: ProjectFolder, api: Api, start: tuple[str, ...]
) -> None:
    file = project.folder / "connectors" / "store.yaml"
    file.write_text(file.read_text().replace("  items:\n", "  items:\n    auto_start: false\n"))
    schedule(project, api, items={"every": "1h"})
    assert ran(project, "--due") == []
    assert project.syncrun("run", "--all").stderr == (
        "store/items [acme] is left out: its first run is by hand (auto_start: false)\n"
    )
    assert project.syncrun(*start).exit_code == 0
    if start[0] == "run":
        let_pass(project, hours=1)
    assert ran(project, "--due") == ["items"]


def test_if_stale_runs_what_was_not_read_well_for_so_long(project: ProjectFolder) -> None:
    assert ran(project, "acme/items", "acme/events", "--if-stale", "1h") == ["items", "events"]
    assert ran(project, "acme/items", "--if-stale", "1h") == []
    let_pass(project, minutes=61)
    assert ran(project, "--all", "--if-stale", "1h") == ["items", "events", "notes"]
    assert project.syncrun("run", "--all", "--if-stale", "1h").stderr == "nothing is stale\n"


def test_wrong_names_are_not_paused(project: ProjectFolder) -> None:
    done = project.syncrun("pause", "acme/itms")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: acme/itms: the connector store has no sync 'itms'\n  hint: did you mean 'items'?\n",
    )


def test_status_tells_how_fresh_every_sync_is(project: ProjectFolder, api: Api) -> None:
    schedule(project, api, items={"every": "1h"}, events={})
    project.run("--due")
    project.syncrun("pause", "acme/events")
    told = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", "<time>", project.syncrun("status").stdout)
    assert [line.split() for line in told.splitlines()] == [
        ["sync", "state", "last", "run", "fresh", "as", "of", "next", "run", "records", "quarantined"],
        ["acme/items", "scheduled", "ok,", "<time>", "<time>", "<time>", "2", "0"],
        ["acme/notes", "disabled", "never", "0", "0"],
        ["acme/events", "paused", "never", "0", "0"],
    ]


def test_the_time_comes_from_outside(project: ProjectFolder, api: Api) -> None:
    schedule(project, api, items={"every": "1h"})
    time, runs = datetime(2024, 5, 1, 10, 10, tzinfo=UTC), []
    world = Outside(now=lambda: time)
    for _ in range(5):
        runs.append(project.syncrun("run", "--due", "--json", outside=world).events[-1]["runs"])
        time += timedelta(minutes=30)
    assert runs == [1, 0, 1, 0, 1]
    [last] = project.query("SELECT max(started_at) FROM syncrun.runs")
    assert last == (datetime(2024, 5, 1, 12, 10, tzinfo=UTC),)


def test_status_as_json(project: ProjectFolder, api: Api) -> None:
    schedule(project, api, items={"every": "1h"})
    project.run("--due")
    [items, *_] = [json.loads(line) for line in project.syncrun("status", "--json").stdout.splitlines()]
    last = items.pop("last_run")
    assert (last["status"], last["message"]) == ("ok", "")
    assert items.pop("fresh_at") == last["started_at"]
    assert datetime.fromisoformat(items.pop("next_run_at")) > datetime.now(UTC)
    assert items == {
        "connection": "acme",
        "connector": "store",
        "sync": "items",
        "model": "items",
        "state": "scheduled",
        "schedule": "every 1h",
        "late": False,
        "failing": False,
        "problem": None,
        "live": 2,
        "quarantined": 0,
        "unreviewed": 0,
        "silent_until": None,
        "missing": 0,
    }


def test_a_check_is_silent_until_something_is_late_or_failing(project: ProjectFolder, api: Api) -> None:
    schedule(project, api, items={"every": "1h"}, events={"every": "1h"})
    done = project.syncrun("status", "--check")
    assert (done.exit_code, done.stderr) == (
        1,
        "acme/items: late: no run was ok yet\nacme/events: late: no run was ok yet\n",
    )
    project.run("--due")
    done = project.syncrun("status", "--check")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    let_pass(project, hours=1)
    assert project.syncrun("status", "--check").exit_code == 0
    let_pass(project, hours=2)
    api.clear()
    api.on("GET /items", status=404)
    project.run("acme/items", exit_code=1)
    done = project.syncrun("status", "--check")
    assert done.exit_code == 1
    assert re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", "<time>", done.stderr) == (
        f"acme/items: the last run is failed: GET {api.url}/items: 404\n"
        "acme/events: late: no run was ok since <time>\n"
    )
    project.syncrun("pause", "acme")
    assert project.syncrun("status", "--check").exit_code == 0
