"""Several processes, one database: who waits for whom, and what each of them says (real processes, real files)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.api import Answer, Api, Received
from tests.project_folder import ProjectFolder

CONNECTOR = """
connector: shop
base_url: {url}
syncs:
  goods: {{request: /goods, pagination: none, key: id, fields: [id, name]}}
  people: {{request: /people, pagination: none, key: id, fields: [id, name]}}
  events:
    request: {{path: /events, params: {{from: "${{cursor}}"}}}}
    pagination: none
    key: id
    incremental: {{cursor: id, type: integer}}
    fields: {{id: {{path: id, type: integer}}}}
"""


class Gate:
    """An answer that is held back until the test lets it go."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.asked, self.open, self.records = threading.Event(), threading.Event(), records

    def __call__(self, _request: Received) -> Answer:
        self.asked.set()
        assert self.open.wait(60)
        return Answer(json=self.records)


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as api:
        yield api


@pytest.fixture
def project(tmp_path: Path, api: Api) -> ProjectFolder:
    folder = ProjectFolder(tmp_path)
    folder.write("connectors/shop.yaml", CONNECTOR.format(url=api.url))
    folder.write_project(acme={"connector": "shop"})
    return folder


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a run to end; return the event that tells how."""
    stdout, stderr = process.communicate(timeout=60)
    events = [json.loads(line) for line in stdout.splitlines()]
    ends = [event for event in events if event["event"] == "run_finished"]
    assert len(ends) == 1, stdout + stderr
    return ends[0]


@contextmanager
def shell(database: Path, *, read_only: bool) -> Iterator[int]:
    """Somebody who has the database open in another program; its process id."""
    code = (
        "import duckdb, sys\n"
        f"db = duckdb.connect({str(database)!r}, read_only={read_only})\n"
        "print('open', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process.pid
    finally:
        process.communicate("done\n", timeout=60)


def test_r03_the_file_is_free_while_a_page_is_fetched(project: ProjectFolder, api: Api) -> None:
    api.on("GET /goods", json=[{"id": 1, "name": "a"}])
    project.run("acme/goods")
    gate = Gate([{"id": 2, "name": "b"}])
    api.on("GET /people", gate)
    with project.started("run", "--json", "acme/people") as run:
        assert gate.asked.wait(60)
        with duckdb.connect(str(project.database)) as db:
            assert db.execute("SELECT count(*) FROM shop.goods").fetchall() == [(1,)]
        gate.open.set()
        assert finished(run)["status"] == "ok"


def test_a_second_run_of_a_sync_names_the_first_and_exits_75(project: ProjectFolder, api: Api) -> None:
    gate = Gate([{"id": 1, "name": "a"}])
    api.on("GET /goods", gate)
    with project.started("run", "--json", "acme/goods") as first:
        assert gate.asked.wait(60)
        second = project.run("acme/goods", "--lock-timeout", "0", exit_code=75)
        assert f"process {first.pid}, run " in second.reports["goods"]["message"]
        gate.open.set()
        assert finished(first)["status"] == "ok"


def test_a_second_run_of_a_sync_waits_for_the_first(project: ProjectFolder, api: Api) -> None:
    gate = Gate([{"id": 1, "name": "a"}])
    api.on("GET /goods", gate)
    with project.started("run", "--json", "acme/goods") as first:
        assert gate.asked.wait(60)
        with project.started("run", "--json", "acme/goods") as second:
            assert second.stdout is not None
            waiting = json.loads(second.stdout.readline())
            assert (waiting["event"], waiting["sync"]) == ("waiting", "goods")
            assert f"process {first.pid}" in waiting["reason"]
            gate.open.set()
            assert finished(first)["added"] == 1
            assert finished(second)["unchanged"] == 1


def test_different_syncs_run_side_by_side(project: ProjectFolder, api: Api) -> None:
    gates = {name: Gate([{"id": 1, "name": name}]) for name in ("goods", "people")}
    for name, gate in gates.items():
        api.on(f"GET /{name}", gate)
    with (
        project.started("run", "--json", "acme/goods") as goods,
        project.started("run", "--json", "acme/people") as people,
    ):
        for gate in gates.values():
            assert gate.asked.wait(60)
        for gate in gates.values():
            gate.open.set()
        assert finished(goods)["status"] == "ok"
        assert finished(people)["status"] == "ok"
    assert project.query("SELECT name FROM shop.goods UNION ALL SELECT name FROM shop.people ORDER BY 1") == [
        ("goods",),
        ("people",),
    ]


@pytest.mark.parametrize("read_only", [True, False], ids=["read-only", "read-write"])
def test_r03_what_an_open_shell_kept_out_is_committed_by_the_next_run_without_fetching(
    project: ProjectFolder, api: Api, read_only: bool
) -> None:
    api.on("GET /goods", json=[{"id": 1, "name": "a"}])
    project.run("acme/goods")
    gate = Gate([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])
    api.clear()
    api.on("GET /goods", gate)
    with project.started("run", "--json", "acme/goods", "--lock-timeout", "1") as run:
        assert gate.asked.wait(60)
        with shell(project.database, read_only=read_only) as pid:
            gate.open.set()
            report = finished(run)
            assert run.returncode == 75
            assert report["status"] == "locked"
            assert f"process {pid}" in report["message"]

    # the API is down now: what is known is committed all the same
    api.clear()
    api.on("GET /goods", status=400)
    report = project.run("acme/goods", exit_code=1).reports["goods"]
    assert "committed what run" in report["notes"][0]
    assert project.query("SELECT id FROM shop.goods ORDER BY id") == [(1,), (2,)]


def test_r03_an_incremental_run_goes_on_behind_what_was_staged(project: ProjectFolder, api: Api) -> None:
    api.on("GET /goods", json=[])
    project.run("acme/goods")
    gate = Gate([{"id": 1}, {"id": 2}])
    api.on("GET /events", gate)
    with project.started("run", "--json", "acme/events", "--lock-timeout", "0") as run:
        assert gate.asked.wait(60)
        with shell(project.database, read_only=True):
            gate.open.set()
            assert finished(run)["status"] == "locked"
            assert run.returncode == 75
    api.clear()
    api.on("GET /events", json=[{"id": 2}])
    assert project.run("acme/events").counts("events") == (0, 0, 0, 1)
    assert [request.target for request in api.requests] == ["/events?from=2"]
    assert project.query("SELECT id FROM shop.events ORDER BY id") == [(1,), (2,)]


@pytest.mark.slow
def test_many_processes_make_and_fill_one_database(project: ProjectFolder, api: Api) -> None:
    names = [f"c{number}" for number in range(5)]
    project.write_project(**{name: {"connector": "shop"} for name in names})
    gate = Gate([{"id": 1, "name": "a"}])
    api.on("GET /goods", gate)
    with ExitStack() as stack:
        runs = [stack.enter_context(project.started("run", "--json", f"{name}/goods")) for name in names]
        gate.open.set()
        assert [finished(run)["added"] for run in runs] == [1] * len(names)
    assert project.query("SELECT _connection FROM shop.goods ORDER BY 1") == [(name,) for name in names]
    assert project.query("SELECT count(DISTINCT _seq) FROM shop.goods__records") == [(len(names),)]


def test_a_commit_waits_until_the_shell_is_closed(project: ProjectFolder, api: Api) -> None:
    api.on("GET /people", json=[])
    project.run("acme/people")
    gate = Gate([{"id": 1, "name": "a"}])
    api.on("GET /goods", gate)
    with project.started("run", "--json", "acme/goods") as run:
        assert gate.asked.wait(60)
        with shell(project.database, read_only=False) as pid:
            gate.open.set()
            assert run.stdout is not None
            for line in run.stdout:
                event = json.loads(line)
                if event["event"] == "waiting":
                    break
            assert f"process {pid}" in event["reason"]
        assert finished(run)["status"] == "ok"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_waits_for_a_lock_can_be_stopped(
    project: ProjectFolder, api: Api, number: signal.Signals, code: int
) -> None:
    gate = Gate([])
    api.on("GET /goods", gate)
    with project.started("run", "--json", "acme/goods") as first:
        assert gate.asked.wait(60)
        with project.started("run", "--json", "acme/goods") as second:
            assert second.stdout is not None
            assert json.loads(second.stdout.readline())["event"] == "waiting"
            os.kill(second.pid, number)
            assert finished(second)["status"] == "interrupted"
            assert second.returncode == code
        gate.open.set()
        assert finished(first)["status"] == "ok"


def test_a_lock_ends_with_the_process_that_held_it(project: ProjectFolder, api: Api) -> None:
    gate = Gate([])
    api.on("GET /goods", gate)
    with project.started("run", "--json", "acme/goods") as first:
        assert gate.asked.wait(60)
        os.kill(first.pid, signal.SIGKILL)
        first.wait(60)
    api.clear()
    gate.open.set()
    api.on("GET /goods", json=[{"id": 1, "name": "a"}])
    assert project.run("acme/goods", "--lock-timeout", "0").counts("goods") == (1, 0, 0, 0)
