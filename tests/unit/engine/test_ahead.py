"""R1: what many runs of a command go on from is read in one look, and is as true as if each had looked itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncrun.engine import locks
from syncrun.engine.ahead import Ahead
from syncrun.engine.batch import run_all
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.outside import utc_now
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.progress import Saved
from tests.lab import Lab

YAML = """
syncs:
  items:
    request: {path: /items, params: {since: "${cursor}"}}
    pagination: none
    key: id
    incremental: {cursor: at}
    fields: {id: {path: id, type: integer}, at: {path: at, type: integer}}
"""


class Counting(DuckDBStore):
    """Notes how often it is looked into."""

    looks: list[str]

    def saved(self, sync: SyncId, model: str) -> Saved:
        self.looks.append(str(sync))
        return super().saved(sync, model)

    def saved_all(self, syncs: Mapping[SyncId, str]) -> dict[SyncId, Saved]:
        self.looks.append("all")
        return super().saved_all(syncs)


@pytest.fixture
def world(tmp_path: Path) -> tuple[Runtime, list[Job], list[str]]:
    """Return a runtime, jobs of nine connections, and what its API is asked for."""
    lab, asked = Lab(tmp_path, YAML), list[str]()

    def api(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("since", ""))
        return httpx.Response(200, json=[{"id": 1, "at": 5}])

    store = Counting(lab.database)
    store.looks = []
    runtime = Runtime(store, lab.database, environ={}, transport=httpx.MockTransport(api))
    jobs = [Job(SyncId(f"account_{n}", "lab", "items"), lab.connector, {}) for n in range(9)]
    return runtime, jobs, asked


def age(folder: Path) -> None:
    """Let the locks have been held an hour ago."""
    for path in folder.iterdir():
        os.utime(path, (path.stat().st_mtime - 3600,) * 2)


def test_r12_many_runs_go_on_from_what_one_look_has_found(world: Any) -> None:
    runtime, jobs, asked = world
    told = list[SyncId]()
    for expected in ("", "5"):
        reports = run_all(jobs, Options(), runtime, on_report=lambda report: told.append(report.sync))
        assert {report.status for report in reports} == {"ok"}
        assert asked == [expected] * 9
        assert runtime.store.looks == ["all"]
        asked.clear()
        runtime.store.looks.clear()
        age(runtime.locks_folder)


def test_r01_who_was_held_in_between_looks_again(world: Any) -> None:
    runtime, jobs, _ = world
    first, second, third = (job.id for job in jobs[:3])

    def hold(sync: SyncId) -> int | None:
        with locks.hold(runtime.locks_folder, sync, run_id="r", timeout=0) as before:
            return before

    for sync in (second, third):
        assert hold(sync) is None
    age(runtime.locks_folder)
    ahead = Ahead(jobs, runtime.locks_folder)
    found = ahead.saved(first, runtime.store, hold(first))
    assert found is not None
    assert replace(found, basis=None) == Saved()  # nobody ever had it
    assert found.basis == runtime.store.bind(utc_now())  # made for all of them
    hold(second)
    assert ahead.saved(second, runtime.store, hold(second)) is None
    assert ahead.saved(third, runtime.store, hold(third)) == Saved(basis=found.basis)
    assert ahead.saved(third, runtime.store, hold(third)) is None  # its own run has changed it


@pytest.mark.parametrize("trouble", ["just held", "held now", "killed"])
def test_r01_a_lock_that_may_change_unnoticed_is_not_relied_on(world: Any, trouble: str) -> None:
    runtime, jobs, _ = world
    folder, sync = runtime.locks_folder, jobs[0].id
    with locks.hold(folder, sync, run_id="r", timeout=0):
        pass
    if trouble == "killed":
        locks.lock_path(folder, sync).write_text("{}")
    ahead = Ahead(jobs, folder)
    if trouble == "held now":
        with locks.hold(folder, sync, run_id="r", timeout=0):
            ahead.saved(jobs[1].id, runtime.store, None)
    ahead.saved(jobs[1].id, runtime.store, None)
    before = locks.lock_path(folder, sync).stat().st_mtime_ns
    assert ahead.saved(sync, runtime.store, before) is None


def test_few_runs_and_those_of_many_partitions_look_themselves(world: Any) -> None:
    runtime, jobs, _ = world
    assert Ahead(jobs[:3], runtime.locks_folder).saved(jobs[0].id, runtime.store, None) is None
    inferred = jobs[0].sync.model_copy(update={"fields": None})
    connector = jobs[0].connector.model_copy(update={"syncs": {"items": inferred}})
    ahead = Ahead([replace(job, connector=connector) for job in jobs], runtime.locks_folder)
    assert ahead.saved(jobs[0].id, runtime.store, None) is None
    assert runtime.store.looks == []
