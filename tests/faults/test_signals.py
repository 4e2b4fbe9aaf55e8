"""SIGTERM, ^C and `--timeout`: a run saves its progress, and the next one goes on from there."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncrun.stores.duckdb import DuckDBStore
from tests.api import Answer, Api, Received
from tests.project_folder import ProjectFolder, clean_environment

SECONDS = 60  # for what takes one, on a machine that does many other things
CONNECTOR = """
connector: slow
base_url: ${config.url}
config: {url: {}}
syncs:
  items:
    request: /items
    pagination: {type: page, size: 2}
    key: id
    fields: {id: {path: id, type: integer}}
"""
# The run saves its progress, but the database takes its time.
SLOW_SAVING = """
import sys, time
from syncrun import cli
from syncrun.stores.duckdb import DuckDBStore

def commit(*_):
    print("saving", flush=True)
    time.sleep(600)

DuckDBStore.commit = commit
cli.main(sys.argv[1:])
"""


class SlowApi:
    """Nine records in pages of two; one page is answered only when the test says so."""

    def __init__(self, api: Api, page: int) -> None:
        self.url, self.page = api.url, page
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.asked: list[int] = []
        api.on("GET /items", self._answer)

    def _answer(self, request: Received) -> Answer:
        page = int(request.params["page"])
        self.asked.append(page)
        if page == self.page:
            self.reached.set()
            self.go_on.wait(SECONDS)
        return Answer(json=[{"id": number} for number in range(1, 10)][(page - 1) * 2 :][:2])


@pytest.fixture
def api() -> Iterator[SlowApi]:
    with Api() as server:
        slow = SlowApi(server, 4)
        yield slow
        slow.go_on.set()


@pytest.fixture
def project(tmp_path: Path, api: SlowApi) -> ProjectFolder:
    folder = ProjectFolder(tmp_path)
    folder.write("connectors/slow.yaml", CONNECTOR)
    folder.write_project(acme={"connector": "slow", "config": {"url": api.url}})
    return folder


def start(project: ProjectFolder, *command: str) -> subprocess.Popen[str]:
    program = command or ("-m", "syncrun")
    return subprocess.Popen(
        [sys.executable, *program, "run", "acme/items"],
        cwd=project.folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ids(project: ProjectFolder) -> list[Any]:
    return [number for (number,) in project.query("SELECT id FROM slow.items ORDER BY id")]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_progress_and_the_next_run_goes_on(
    project: ProjectFolder, api: SlowApi, number: signal.Signals, code: int
) -> None:
    with start(project) as process:
        assert api.reached.wait(SECONDS)
        process.send_signal(number)
        _, told = process.communicate(timeout=SECONDS)
    assert process.returncode == code
    saved = ids(project)
    assert saved in ([1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5, 6])
    assert told.startswith("■ slow/items [acme]: stopped on request; progress is saved\n")
    assert f"{len(saved)} added" in told
    assert project.query("SELECT status FROM syncrun.runs") == [("interrupted",)]

    api.go_on.set()
    api.asked.clear()
    project.run("acme/items", exit_code=3)  # numbered pages may have moved meanwhile
    assert ids(project) == list(range(1, 10))
    assert api.asked == list(range(1 + len(saved) // 2, 6))
    assert project.query("SELECT last FROM syncrun.sequence") == [(9,)]


def test_a_second_ctrl_c_stops_at_once(project: ProjectFolder, api: SlowApi) -> None:
    with start(project, "-c", SLOW_SAVING) as process:
        assert api.reached.wait(SECONDS)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "saving\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 130
    api.go_on.set()
    api.asked.clear()
    outcome = project.run("acme/items", exit_code=3)  # what was staged is not fetched again
    assert outcome.reports["items"]["notes"][0].startswith("committed what run ")
    assert min(api.asked) >= 3
    assert ids(project) == list(range(1, 10))


def test_a_run_that_takes_too_long_ends_and_the_next_goes_on(project: ProjectFolder, api: SlowApi) -> None:
    outcome = project.run("acme/items", "--timeout", "0.5", exit_code=1)
    report = outcome.reports["items"]
    assert (report["status"], report["message"]) == ("failed", "timed out after 0.5 s")
    api.go_on.set()
    project.run("acme/items", exit_code=3)  # numbered pages may have moved meanwhile
    assert ids(project) == list(range(1, 10))


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_r26_a_time_that_is_none_is_refused(project: ProjectFolder, seconds: str) -> None:
    outcome = project.syncrun("run", "acme/items", "--timeout", seconds)
    assert (outcome.exit_code, "invalid value for '--timeout'" in outcome.stderr) == (2, True)


def test_the_project_says_how_often_a_run_commits(project: ProjectFolder, api: SlowApi) -> None:
    text = (project.folder / "syncrun.yaml").read_text()
    project.write("syncrun.yaml", f"commits: {{rows: 2}}\n{text}")
    api.page = 5  # asked for ahead of its turn, but not before the first page is committed
    seen: list[list[Any]] = []

    def look() -> None:
        assert api.reached.wait(SECONDS)
        store = DuckDBStore(project.database, lock_timeout=SECONDS)
        seen.extend([list(row) for row in store.query("SELECT id FROM slow.items ORDER BY id").rows])
        api.go_on.set()

    looking = threading.Thread(target=look)
    looking.start()
    project.run("acme/items")
    looking.join()
    assert seen[:2] == [[1], [2]]
    assert ids(project) == list(range(1, 10))
