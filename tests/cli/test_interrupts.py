"""^C and SIGTERM: a run saves its progress and says so by its exit code; a second ^C does not wait."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from syncrun.engine import locks
from syncrun.stores.base import SyncId
from tests.api import Answer, Api
from tests.project_folder import ProjectFolder, clean_environment

EVENT = {"id": 1, "at": "2024-05-01T10:00:00Z"}


class Slow:
    """An answer that comes when the test says so; `asked` is set when somebody waits for it."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._free = threading.Event()

    def __call__(self, _request: object) -> Answer:
        self.asked.set()
        self._free.wait(30)
        return Answer(json={"events": [], "next": None})

    def answer(self) -> None:
        self._free.set()


@contextmanager
def started(folder: Path, *args: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command; it is killed should the block leave it running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "syncrun", *args],
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def slow(api: Api) -> Slow:
    """Two pages of events, of which the second has to be waited for."""
    slow = Slow()
    api.clear()
    api.on("GET /events", json={"events": [EVENT], "next": "b"})
    api.on("GET /events?after=b", slow)
    return slow


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_has_saved_its_progress(
    project: ProjectFolder, api: Api, slow: Slow, number: int, code: int
) -> None:
    with started(project.folder, "run", "acme/events") as process:
        assert slow.asked.wait(30)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    slow.answer()
    assert (process.returncode, out) == (code, "")
    assert err == "■ store/events [acme]: stopped on request; progress is saved\n  kept: 1 added\n"
    assert project.query("SELECT id FROM store.events") == [(1,)]
    api.requests.clear()
    assert project.run("acme/events").counts("events") == (0, 0, 0, 0)
    assert [request.params for request in api.requests] == [{"after": "b"}]


def test_a_second_interrupt_ends_at_once(project: ProjectFolder, slow: Slow) -> None:
    project.run("acme/items", exit_code=1)  # so that there is a database to hold
    with started(project.folder, "run", "acme/events") as process:
        assert slow.asked.wait(30)
        with duckdb.connect(str(project.database)):
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) in (130, 143)
    slow.answer()


def test_waiting_for_another_run_can_be_interrupted(project: ProjectFolder, api: Api) -> None:
    folder = project.database.with_name(f"{project.database.name}.locks")
    with (
        locks.hold(folder, SyncId("acme", "store", "items"), run_id="r1", timeout=0),
        started(project.folder, "run", "acme/items") as process,
    ):
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("store/items [acme]: waiting for another run of acme/items (process ")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "■ store/items [acme]: stopped on request; progress is saved\n")
    assert api.requests == []


def test_waiting_for_the_database_can_be_interrupted(project: ProjectFolder, api: Api) -> None:
    project.run("acme/items")
    with duckdb.connect(str(project.database)), started(project.folder, "run", "acme/items") as process:
        assert process.stderr is not None
        assert "which is held by" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130


@pytest.mark.parametrize("args", [["query", "FROM store.items"], ["list"], ["checkpoint", "show", "acme/items"]])
def test_looking_at_a_held_database_can_be_interrupted(project: ProjectFolder, args: list[str]) -> None:
    project.run("acme/items")
    project._env["SYNCRUN_TRACEBACK"] = ""
    with duckdb.connect(str(project.database)), started(project.folder, *args) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(f"waiting for {project.database}, which is held by ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")


def test_a_query_can_be_interrupted(project: ProjectFolder, tmp_path: Path) -> None:
    project.run("acme/items")
    fifo = tmp_path / "rows"
    import os

    os.mkfifo(fifo)
    sql = "SELECT count(*) FROM (SELECT 1 FROM range(1e12::BIGINT) a WHERE random() < 2), read_csv('%s')" % fifo
    with started(project.folder, "query", sql) as process:
        with fifo.open("w") as rows:  # opening waits until the query reads it
            rows.write("n\n1\n")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")
