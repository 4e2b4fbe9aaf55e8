"""Several runs in one call, as Python programs make it."""

from __future__ import annotations

import signal
from pathlib import Path

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
