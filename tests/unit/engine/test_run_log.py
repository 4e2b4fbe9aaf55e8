"""The log of runs: every request and message, with the commits and of runs that failed."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime

import httpx
import pytest

from syncrun.engine.run_log import RunLog
from syncrun.errors import StoreError
from syncrun.http.client import Exchange
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.run import Run
from tests.lab import Lab

PAGED = """
retry: {attempts: 3}
syncs:
  items:
    request: {path: /items, params: {key: "${config.key}"}}
    pagination: {type: page, into: params.page, size: 1}
    key: id
    fields: {id: id}
config: {key: {secret: true, optional: true}}
"""
PARTITIONS = """
syncs:
  notes:
    for_each: {values: [a, b, c], as: letter}
    request: "/notes/${letter}"
    pagination: none
    errors: [{when: "status == `451`", then: skip}]
    key: id
    fields: {id: id}
"""
REQUESTS = (
    "SELECT method, url, status, bytes, attempt, wait_ms, reason FROM syncrun.requests ORDER BY run_id, seq"
)
LOGS = "SELECT level, message FROM syncrun.logs ORDER BY run_id, seq"


@pytest.fixture
def lab(tmp_path) -> Lab:
    return Lab(tmp_path, PAGED)


def two_pages(request: httpx.Request) -> object:
    return [{"id": 1}] if request.url.params.get("page") == "1" else []


def test_every_request_is_in_the_log_without_secrets(lab: Lab) -> None:
    lab.api = two_pages
    lab.run(config={"key": "s3cret"})
    url = "https://api.test/items?key=***&page="
    assert lab.rows(REQUESTS) == [
        ("GET", f"{url}1", 200, 10, 1, 0.0, ""),
        ("GET", f"{url}2", 200, 2, 1, 0.0, ""),
    ]
    assert lab.rows(LOGS) == []


def test_each_attempt_is_in_the_log_with_the_wait_after_it(lab: Lab) -> None:
    answers = iter([httpx.Response(503, headers={"Retry-After": "7"}), httpx.Response(200, json=[])])
    lab.api = lambda _request: next(answers)
    lab.run()
    assert lab.rows("SELECT seq, status, attempt, wait_ms FROM syncrun.requests ORDER BY seq") == [
        (1, 503, 1, 7000.0),
        (2, 200, 2, 0.0),
    ]


def test_a_failed_run_is_in_the_log_with_what_stopped_it(lab: Lab) -> None:
    lab.api = lambda _request: httpx.Response(404, text="no such thing")
    report = lab.run()
    assert [row[2] for row in lab.rows(REQUESTS)] == [404]
    assert lab.rows(LOGS) == [("error", report.message)]


def test_a_run_that_fails_after_a_page_keeps_the_order_of_requests_and_messages(lab: Lab) -> None:
    lab.api = lambda request: [{"id": 1}] if request.url.params["page"] == "1" else httpx.Response(400)
    report = lab.run()
    both = "SELECT seq, url FROM syncrun.requests UNION ALL SELECT seq, message FROM syncrun.logs ORDER BY 1"
    assert lab.rows(both) == [
        (1, "https://api.test/items?page=1"),
        (2, "https://api.test/items?page=2"),
        (3, report.message),
    ]


def test_a_run_whose_process_was_killed_has_ended_when_it_was_last_heard_of(lab: Lab) -> None:
    def die(step: str) -> None:
        if step == "committed":
            raise KeyboardInterrupt

    lab.api = two_pages
    with pytest.raises(KeyboardInterrupt):
        lab.run(commit_rows=1, fault=die)
    assert lab.rows("SELECT status, ended_at FROM syncrun.runs") == [("running", None)]
    heard = lab.rows("SELECT max(sent_at) FROM syncrun.requests")
    lab.clock.advance(hours=1)
    lab.run()
    killed = "SELECT ended_at FROM syncrun.runs WHERE status = 'interrupted'"
    assert lab.rows(killed) == heard


def test_failed_and_skipped_partitions_are_in_the_log(lab: Lab) -> None:
    lab.write(PARTITIONS)
    status = {"/notes/a": 400, "/notes/b": 451, "/notes/c": 200}
    lab.api = lambda request: httpx.Response(status[request.url.path], json=[])
    lab.run()
    failed, skipped = (f"GET https://api.test/notes/{letter}" for letter in "ab")
    assert lab.rows(LOGS) == [
        ("error", f"{failed}: 400: []"),
        ("info", f"skipped: {skipped}: 451: []"),
        ("warning", f"{failed}: 400: []"),
    ]


def test_commits_on_the_way_log_each_request_once(lab: Lab) -> None:
    pages = {str(page): [{"id": page}] for page in range(1, 6)}
    lab.api = lambda request: pages.get(request.url.params["page"], [])
    lab.run(commit_rows=2)
    assert lab.rows("SELECT seq FROM syncrun.requests ORDER BY seq") == [(seq,) for seq in range(1, 7)]


def test_r02_a_crash_between_manifest_and_commit_loses_no_line(lab: Lab) -> None:
    def die(step: str) -> None:
        if step == "staged":
            raise KeyboardInterrupt

    lab.api = two_pages
    with pytest.raises(KeyboardInterrupt):
        lab.run(fault=die)
    first = next((lab.database.parent / "lab.duckdb.staging").glob("*/*")).name
    lab.run()
    requests = "SELECT seq FROM syncrun.requests WHERE run_id = ? ORDER BY seq"
    assert list(lab.store.query(requests, [first]).rows) == [(1,), (2,)]
    assert lab.rows(LOGS) == [("info", f"committed what run {first} had staged")]


def test_a_run_whose_rows_the_database_refuses_is_in_the_log_once(lab: Lab) -> None:
    lab.api = two_pages
    lab.run()

    class Refusing(DuckDBStore):
        def commit(self, commit):
            raise StoreError("it will not fit")

    lab.store = Refusing(lab.database)
    report = lab.run()
    lab.store = DuckDBStore(lab.database)
    lab.run()  # commits what the run before it staged
    rows = "SELECT seq FROM (FROM syncrun.requests UNION ALL BY NAME FROM syncrun.logs) WHERE run_id = ? ORDER BY 1"
    assert list(lab.store.query(rows, [report.run_id]).rows) == [(1,), (2,), (3,)]


def test_a_line_that_was_cut_short_is_left_out(lab: Lab) -> None:
    file = lab.folder / "log.jsonl"
    file.write_bytes(
        b'{"seq": 1, "us": 0, "level": "info", "message": "whole"}\n{"seq": 2, "us": 0, "level": "in'
    )
    run = Run("r", SyncId("acme", "lab", "items"), "items", "full", datetime.now(UTC))
    lab.store.record_run(run, [file, lab.folder / "never-written.jsonl"])
    assert lab.rows(LOGS) == [("info", "whole")]


def test_the_log_takes_no_more_memory_the_more_requests_there_are(lab: Lab) -> None:
    log = RunLog(lab.folder / "run", notes=[], now=lab.clock.now, redact=str)
    exchange = Exchange("GET", "https://api.test/items?page=1", 200, 1, 0.1, at=1717243200.0)
    log.request(exchange)
    tracemalloc.start()
    for _ in range(20_000):
        log.request(exchange)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 100_000
    assert [path.name for path in log.seal()] == ["log-000001.jsonl"]
