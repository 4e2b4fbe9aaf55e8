"""Several runs in one call, as Python programs make it."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from syncrun.engine.batch import run_all
from syncrun.engine.job import Job, Options, Runtime
from syncrun.stores.values.ids import SyncId
from tests.lab import Lab

YAML = """
syncs:
  items: &list
    request: /items
    records: items
    pagination: {type: cursor, token: next, into: params.after}
    key: id
    fields: {id: {path: id, type: integer}}
  others: {<<: *list, request: /others}
"""


@pytest.mark.parametrize("handler", [signal.default_int_handler, "its own"], ids=["python's", "own"])
def test_r02_however_often_it_is_interrupted_nothing_holds_the_database_afterwards(
    tmp_path: Path, handler: Any
) -> None:
    lab, returned, busy = Lab(tmp_path, YAML), threading.Event(), threading.Event()

    def raising(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    def interrupt_twice(_step: str) -> None:
        busy.set()
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
            returned.wait(0.3)  # a caller who was let go would come back before this thread has ended
        busy.clear()

    answer = httpx.MockTransport(lambda _: httpx.Response(200, json={"items": [{"id": 1}], "next": 2}))
    runtime = Runtime(lab.store, lab.database, environ={}, transport=answer, fault=interrupt_twice)
    before = signal.signal(signal.SIGINT, raising if handler == "its own" else handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_all([Job(SyncId("acme", "lab", "items"), lab.connector, {})], Options(), runtime)
        assert not busy.is_set()
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("run_")]
        with duckdb.connect(str(lab.database)) as db:  # for writing: another program could open it
            assert db.execute("SELECT status FROM syncrun.runs").fetchall() == [("interrupted",)]
    finally:
        returned.set()
        signal.signal(signal.SIGINT, before)


def test_r02_a_keyboard_interrupt_ends_runs_with_their_progress_saved(tmp_path: Path) -> None:
    lab, asked = Lab(tmp_path, YAML), []

    def api(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("after", 1))
        asked.append(f"{request.url.path} {page}")
        if len(asked) == 2:
            signal.raise_signal(signal.SIGINT)  # ^C, which Python turns into an exception of the main thread
            assert runtime.stop.wait(30)
        return httpx.Response(200, json={"items": [{"id": page}], "next": page + 1 if page < 3 else None})

    runtime = Runtime(lab.store, lab.database, environ={}, transport=httpx.MockTransport(api))
    jobs = [Job(SyncId("acme", "lab", sync), lab.connector, {}) for sync in ("items", "others")]
    with pytest.raises(KeyboardInterrupt):
        run_all(jobs, Options(), runtime)
    runs = "SELECT sync, status, message, pages FROM syncrun.runs ORDER BY started_at"
    ((*told, pages),) = lab.rows(runs)
    assert told == ["items", "interrupted", "stopped on request; progress is saved"]
    assert pages in (1, 2)  # the answer to the second request may come too late

    runtime.stop.clear()
    rest = [(report.status, report.pages) for report in run_all(jobs, Options(), runtime)]
    assert rest == [("ok", 3 - pages), ("ok", 3)]
    assert [record["id"] for record in lab.live("items")] == [1, 2, 3]
