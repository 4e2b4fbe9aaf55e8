"""Runs side by side wait for their commits together, and leave their places to others meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from syncrun.engine.batch import run_all
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.together import Together
from syncrun.errors import StoreError, SyncrunError
from syncrun.stores.base import Store
from syncrun.stores.values.commit import Changes, Commit
from syncrun.stores.values.ids import SyncId
from tests.lab import Lab

YAML = """
syncs:
  items: &list
    request: /items
    pagination: none
    key: id
    fields: {id: {path: id, type: integer}}
  others: {<<: *list, request: /others}
"""


class Recorded:
    """A store that remembers what it was given at a time; a commit that is a text fails with it."""

    def __init__(self, begun: threading.Event | None = None, go_on: threading.Event | None = None) -> None:
        self.groups: list[list[Any]] = []
        self._begun, self._go_on = begun or threading.Event(), go_on

    def commit_all(self, commits: Sequence[Any]) -> list[Changes | SyncrunError]:
        self.groups.append(sorted(commits, key=str))
        self._begun.set()
        if self._go_on is not None:
            assert self._go_on.wait(30)
        return [StoreError(c) if isinstance(c, str) else Changes(added=c) for c in commits]


def run_threads(together: Together, store: Recorded, commits: Sequence[Any], first: int = 0) -> list[Any]:
    """Let a thread for each of *commits* take a place and commit; return what they got.

    The turns of the threads begin at *first*.
    """
    found: dict[int, Any] = {}

    def run(number: int) -> None:
        with together.place(first + number):
            try:
                commit, real = cast("Commit", commits[number]), cast("Store", store)
                found[number] = together.commit(commit, real).added
            except StoreError as error:
                found[number] = error.message

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(commits))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return [found[number] for number in range(len(commits))]


def test_all_that_are_on_the_way_are_waited_for_and_one_failure_is_one_run_s_own() -> None:
    together, store = Together(4, patience=30), Recorded()
    start, commit = threading.Barrier(4), together.commit

    def slowly(what: Commit, where: Store) -> Changes:
        start.wait(30)  # nobody commits before all have a place
        return commit(what, where)

    together.commit = slowly  # type: ignore[method-assign]
    assert run_threads(together, store, [1, 2, 3, "no"]) == [1, 2, 3, "no"]
    assert store.groups == [[1, 2, 3, "no"]]


def test_no_more_are_done_at_once_than_is_good() -> None:
    store = Recorded()
    assert run_threads(Together(1, most=2, patience=30), store, [1, 2, 3]) == [1, 2, 3]
    assert max(map(len, store.groups)) <= 2


def test_nobody_waits_for_a_run_that_takes_long() -> None:
    together, store = Together(2, patience=0.01), Recorded()
    with together.place(0):  # somebody reads for hours
        assert run_threads(together, store, [1], first=1) == [1]
    assert store.groups == [[1]]


def test_a_defect_is_told_by_every_run() -> None:
    class Broken:
        def commit_all(self, _commits: Sequence[Any]) -> list[Any]:
            raise ZeroDivisionError

    together = Together(1, patience=0)
    for turn in range(2):  # and keeps nobody out
        with together.place(turn), pytest.raises(ZeroDivisionError):
            together.commit(cast("Commit", 1), cast("Store", Broken()))


def test_a_run_that_commits_leaves_its_place_to_the_next() -> None:
    begun, go_on = threading.Event(), threading.Event()
    together, store = Together(1, patience=30), Recorded(begun, go_on)
    first = threading.Thread(target=run_threads, args=(together, store, [1]))
    first.start()
    assert begun.wait(30)
    with together.place(1):  # while the first one still commits
        go_on.set()
    first.join(30)
    assert store.groups == [[1]]


def test_runs_begin_and_go_on_in_their_order() -> None:
    together, store, order = Together(1, patience=30), Recorded(), list[str]()

    def run(turn: int) -> None:
        with together.place(turn):
            order.append(f"begin {turn}")
            together.commit(cast("Commit", turn), cast("Store", store))
            order.append(f"end {turn}")

    threads = [threading.Thread(target=run, args=(turn,)) for turn in range(3)]
    for thread in reversed(threads):
        thread.start()
    for thread in threads:
        thread.join(30)
    assert order == ["begin 0", "begin 1", "begin 2", "end 0", "end 1", "end 2"]
    assert store.groups == [[0, 1, 2]]


def test_runs_side_by_side_are_committed_together_and_each_has_its_report(tmp_path: Path) -> None:
    lab, ready = Lab(tmp_path, YAML), threading.Barrier(3)

    def api(request: httpx.Request) -> httpx.Response:
        ready.wait(30)
        if request.url.path == "/others":
            return httpx.Response(404, json={})
        account = len(request.headers["user-agent"])
        return httpx.Response(200, json=[{"id": account}, {"id": 2}])

    runtime = Runtime(lab.store, lab.database, environ={}, transport=httpx.MockTransport(api))
    syncs = [("acme", "items"), ("globex", "items"), ("acme", "others")]
    jobs = [Job(SyncId(connection, "lab", sync), lab.connector, {}) for connection, sync in syncs]
    reports = run_all(jobs, Options(), runtime, workers=3)
    assert [(r.sync, r.status, r.changes.added) for r in reports] == [
        (jobs[0].id, "ok", 2),
        (jobs[1].id, "ok", 2),
        (jobs[2].id, "failed", 0),
    ]
    commits = lab.rows(
        "SELECT _connection, count(*), count(DISTINCT _seq) FROM lab.items__records GROUP BY 1"
    )
    assert sorted(commits) == [("acme", 2, 2), ("globex", 2, 2)]
    assert lab.rows("SELECT count(DISTINCT run_id) FROM syncrun.requests") == [(3,)]
    assert not runtime.staging_folder.exists()
