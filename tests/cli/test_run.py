"""`syncrun run`: what it says, what it does, and what it exits with."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from syncrun.cli.progress import summary
from syncrun.engine.report import RunReport
from syncrun.stores.values.commit import Changes
from syncrun.stores.values.ids import SyncId
from tests.api import Answer, Api
from tests.project_folder import ProjectFolder

START = datetime(2024, 5, 1, tzinfo=UTC)
REPORT = RunReport(
    sync=SyncId("acme", "github", "issues"),
    model="issues",
    run_id="r1",
    status="ok",
    mode="full",
    started_at=START,
    ended_at=START + timedelta(seconds=1.23),
    changes=Changes(added=12, updated=3),
)


def timeless(text: str) -> str:
    return re.sub(r"\d+\.\d s", "0.0 s", text)


def test_a_run_tells_one_line_a_sync_on_standard_error(project: ProjectFolder) -> None:
    done = project.syncrun("run", "acme")
    assert (done.exit_code, done.stdout) == (0, "")
    assert timeless(done.stderr) == (
        "✓ acme/items   2 added  (0.0 s)\n✓ acme/events  2 added  (0.0 s)\n✓ acme/notes   2 added  (0.0 s)\n"
    )


def test_quiet_is_silent_when_all_is_well_and_tells_what_is_not(project: ProjectFolder, api: Api) -> None:
    done = project.syncrun("run", "--all", "--quiet", "--timeout", "5m")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    api.clear()
    api.on("GET /items", status=400)
    done = project.syncrun("run", "acme/items", "-q")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"✗ store/items [acme]: GET {api.url}/items: 400")


def test_a_connector_runs_by_its_name(project: ProjectFolder, api: Api) -> None:
    done = project.syncrun("run", "store/items", "--set", f"url={api.url}")
    assert timeless(done.stderr) == "✓ store/items  2 added  (0.0 s)\n"
    assert project.query("SELECT DISTINCT _connection FROM store.items") == [("default",)]


def test_a_connection_called_default_is_what_its_connector_runs_for(project: ProjectFolder, api: Api) -> None:
    project.write_project(default={"connector": "store", "config": {"url": api.url}})
    assert project.syncrun("run", "store/items").exit_code == 0
    done = project.syncrun("run", "default/items")
    assert timeless(done.stderr) == "✓ store/items  2 unchanged  (0.0 s)\n"


def test_exit_1_when_a_run_failed_and_the_others_went_on(project: ProjectFolder, api: Api) -> None:
    api.clear()
    api.on("GET /items", status=400).on("GET /events", json={"events": []})
    done = project.syncrun("run", "acme/items", "acme/events")
    assert done.exit_code == 1
    first, *_, last = done.stderr.splitlines()
    assert first.startswith(f"✗ store/items [acme]: GET {api.url}/items: 400")
    assert timeless(last) == "✓ acme/events  nothing to change  (0.0 s)"


def test_exit_3_when_something_is_missing(project: ProjectFolder, api: Api) -> None:
    project.run("acme/items")
    api.clear()
    api.on("GET /items", json=[])
    done = project.syncrun("run", "acme/items")
    assert done.exit_code == 3
    assert done.stderr.startswith("! store/items [acme]: incomplete: ")
    assert "\n  hint: `run --accept-deletes` deletes them all the same\n" in done.stderr
    assert project.syncrun("run", "acme/items", "--accept-deletes").exit_code == 0
    assert project.query("SELECT count(*) FROM store.items") == [(0,)]


def test_limit_stops_early_and_deletes_nothing(project: ProjectFolder) -> None:
    done = project.syncrun("run", "acme/events", "--limit", "1")
    assert done.exit_code == 0
    assert timeless(done.stderr) == (
        "✓ acme/events  1 added  (0.0 s)\n  note: stopped at 1 record, as asked; nothing was deleted\n"
    )


def test_full_reads_everything_and_reset_forgets_the_cursor(project: ProjectFolder, api: Api) -> None:
    def asked() -> list[str | None]:
        since = [request.params.get("since") for request in api.asked("/events")]
        api.requests.clear()
        return since

    project.run("acme/events")
    assert asked() == [None, None]
    assert project.run("acme/events").reports["events"]["mode"] == "incremental"
    assert asked()[0] == "2024-05-02T10:00:00Z"
    assert project.run("acme/events", "--full").reports["events"]["mode"] == "full"
    assert asked() == [None, None]
    assert project.run("acme/events", "--reset").counts("events") == (0, 0, 0, 2)
    assert asked() == [None, None]


def test_parents_run_before_their_children_unless_they_are_left_out(project: ProjectFolder) -> None:
    assert list(project.run("acme/notes").reports) == ["items", "notes"]
    assert list(project.run("acme/notes", "--no-parents").reports) == ["notes"]
    assert list(project.run("acme/notes", "acme/items", "--no-parents").reports) == ["items", "notes"]


def test_jobs_run_side_by_side_without_locking_each_other_out(project: ProjectFolder, api: Api) -> None:
    project.write_project(**{f"c{n}": {"connector": "store", "config": {"url": api.url}} for n in range(6)})
    targets = [f"c{n}/items" for n in range(6)]
    done = project.syncrun("run", *targets, "--jobs", "6", "--lock-timeout", "0")
    assert done.exit_code == 0, done.stderr
    assert "waiting" not in done.stderr
    assert project.query("SELECT count(*), count(DISTINCT _connection) FROM store.items") == [(12, 6)]


def test_a_disabled_sync_runs_only_when_it_is_named(project: ProjectFolder, api: Api) -> None:
    syncs = {"events": {"enabled": False}, "notes": {"enabled": False}}
    project.write_project(acme={"connector": "store", "config": {"url": api.url}, "syncs": syncs})
    assert list(project.run("--all").reports) == ["items"]
    assert list(project.run("acme/events").reports) == ["events"]


def test_several_targets_name_a_sync_once(project: ProjectFolder) -> None:
    assert list(project.run("acme/items", "acme/items").reports) == ["items"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("2.5", 2.5), ("90s", 90), ("5m", 300), ("500ms", 0.5)]
)
def test_a_length_of_time_is_seconds_or_has_a_unit(text: str, seconds: float) -> None:
    from syncrun.cli.options import Seconds

    assert Seconds().convert(text, None, None) == seconds


def test_environment_variables_stand_in_for_options(project: ProjectFolder, api: Api) -> None:
    project._env["SYNCRUN_RUN_QUIET"] = "1"
    project._env["SYNCRUN_PROJECT"] = str(project.folder)
    assert project.syncrun("run", "acme/items").stderr == ""
    project._env["SYNCRUN_ENV"] = "prod"
    assert project.syncrun("run", "acme/items").stderr == (
        "error: unknown environment 'prod'\n  hint: syncrun.yaml has no environments\n"
    )


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (REPORT, "✓ acme/issues  12 added, 3 updated  (1.2 s)"),
        (
            replace(REPORT, changes=Changes(), ended_at=START + timedelta(minutes=3, seconds=5)),
            "✓ acme/issues  nothing to change  (3 min 5 s)",
        ),
        (
            replace(REPORT, changes=Changes(added=1200, duplicates=1), ended_at=START + timedelta(hours=2.5)),
            "✓ acme/issues  1,200 added, 1 duplicate  (2 h 30 min)",
        ),
        (
            replace(
                REPORT,
                status="failed",
                message="GET https://api.github.com/x?page=3: 502 after 6 attempts",
                hint="try later",
                notes=("a note",),
            ),
            (
                "✗ github/issues [acme]: GET https://api.github.com/x?page=3: 502 after 6 attempts\n"
                "  hint: try later\n  kept: 12 added, 3 updated\n  note: a note"
            ),
        ),
        (
            replace(REPORT, status="incomplete", message="page 7 came twice", changes=Changes()),
            "! github/issues [acme]: incomplete: page 7 came twice",
        ),
        (
            replace(
                REPORT,
                sync=SyncId("default", "pokeapi", "moves"),
                status="interrupted",
                message="stopped on request; progress is saved",
                changes=Changes(),
            ),
            "■ pokeapi/moves: stopped on request; progress is saved",
        ),
    ],
)
def test_a_summary_is_short_and_says_what_helps(report: RunReport, text: str) -> None:
    assert summary(report) == text


def test_summaries_below_each_other_are_aligned() -> None:
    assert summary(REPORT, width=14) == "✓ acme/issues     12 added, 3 updated  (1.2 s)"


def test_a_stop_saves_progress_and_begins_nothing_new(project: ProjectFolder, api: Api) -> None:
    def interrupt(_request: object) -> Answer:
        os.kill(os.getpid(), signal.SIGINT)
        return Answer(json={"events": []}, delay=30)

    api.clear()
    api.on("GET /events", json={"events": [], "next": "b"})
    api.on("GET /events?after=b", interrupt)
    done = project.run("acme/events", "acme/items", exit_code=130)
    assert list(done.reports) == ["events"]
    assert done.reports["events"]["status"] == "interrupted"
    assert done.reports["events"]["message"] == "stopped on request; progress is saved"
    assert done.events[-1]["interrupted"] == done.events[-1]["runs"] == 1
    [saved] = project.query(
        "SELECT json_extract_string(state, '$.resume.page.token') FROM syncrun.checkpoints"
    )
    assert saved == ("b",)
