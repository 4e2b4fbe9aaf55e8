"""What is staged when the database cannot be written is neither lost nor fetched again (R2, R3, R12)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import duckdb
import httpx
import pytest

from syncrun.errors import Interrupted, StoreError
from syncrun.stores.duckdb import DuckDBStore
from tests.lab import Lab

ITEMS = """
syncs:
  items:
    request: {path: /items, params: {since: "${cursor}"}}
    pagination: {type: cursor, token: next, into: params.after}
    records: items
    key: id
    incremental: {cursor: at, order: ascending}
    fields: {id: {path: id, type: integer}, at: {path: at, type: integer}}
"""
NOTE = "what was read is staged: the next run commits it without fetching it again"

REFUSED = "what was read is staged: the next run commits it, or fetches it again should the database still refuse it"


def page(*ids: int, after: str | None = None) -> dict[str, Any]:
    return {"items": [{"id": number, "at": number} for number in ids], "next": after}


def two_pages(request: httpx.Request) -> Any:
    since = request.url.params.get("since")
    if since:
        return page()
    return page(3, 4) if "after" in request.url.params else page(1, 2, after="x")


@pytest.fixture
def desk(lab: Lab) -> Lab:
    """A connector and its API, whose store waits for nobody."""
    lab.write(ITEMS)
    lab.api = two_pages
    lab.store = DuckDBStore(lab.database, lock_timeout=0)
    return lab


@pytest.fixture
def shell() -> Iterator[ExitStack]:
    """Whoever holds the database; `close` lets go."""
    with ExitStack() as held:
        yield held


def hold(lab: Lab, shell: ExitStack) -> None:
    """Open the database as a person does who looks around in it."""
    shell.enter_context(closing(duckdb.connect(str(lab.database))))


def ids(lab: Lab) -> list[int]:
    return [row["id"] for row in lab.live()]


def test_r03_what_a_held_database_kept_out_is_committed_by_the_next_run(desk: Lab, shell: ExitStack) -> None:
    def held_on_the_way(request: httpx.Request) -> Any:
        if "after" in request.url.params:
            hold(desk, shell)
        return two_pages(request)

    desk.api = held_on_the_way
    report = desk.run()
    assert (report.status, report.notes) == ("locked", (NOTE,))
    shell.close()
    desk.requests.clear()
    report = desk.run()
    assert report.status == "ok"
    assert report.notes[0].startswith("committed what run ")
    assert ids(desk) == [1, 2, 3, 4]
    assert desk.requests == ["GET /items?since=4"]


def test_r03_a_stop_while_the_commit_waits_keeps_what_is_staged(desk: Lab, shell: ExitStack) -> None:
    def stop(_seconds: float) -> None:
        raise Interrupted("stopped on request; progress is saved")

    def held_on_the_way(request: httpx.Request) -> Any:
        if "after" in request.url.params:
            hold(desk, shell)
        return two_pages(request)

    desk.store = DuckDBStore(desk.database, lock_timeout=60, sleep=stop)
    desk.api = held_on_the_way
    report = desk.run()
    assert (report.status, report.notes) == ("interrupted", (NOTE,))
    shell.close()
    assert desk.run().status == "ok"
    assert ids(desk) == [1, 2, 3, 4]


def test_r03_a_failed_run_that_cannot_save_its_progress_leaves_it_to_the_next(
    desk: Lab, shell: ExitStack
) -> None:
    def broken(request: httpx.Request) -> Any:
        if "after" not in request.url.params:
            return page(1, 2, after="x")
        hold(desk, shell)
        return httpx.Response(400)

    desk.api = broken
    report = desk.run()
    assert report.status == "failed"
    assert report.message.endswith("?after=x: 400")
    assert report.notes == (
        f"{desk.database} is held by this process itself; gave up after 0 s",
        NOTE,
    )
    shell.close()
    desk.api = two_pages
    desk.requests.clear()
    assert desk.run().status == "ok"
    assert ids(desk) == [1, 2, 3, 4]
    assert desk.requests == ["GET /items?after=x"]


def test_r12_rows_that_the_database_refused_once_are_not_forgotten(desk: Lab) -> None:
    desk.store = DuckDBStore(desk.database, fault=refuse("loaded", times=1))
    report = desk.run()
    assert (report.status, report.message, report.notes) == ("failed", "no room", (REFUSED,))
    assert desk.rows("SELECT status, message FROM syncrun.runs") == [("failed", "no room")]
    desk.requests.clear()
    assert desk.run().status == "ok"
    assert ids(desk) == [1, 2, 3, 4]
    assert desk.requests == ["GET /items?since=4"]


def test_r12_rows_that_the_database_keeps_refusing_are_fetched_again(desk: Lab) -> None:
    desk.store = DuckDBStore(desk.database, fault=refuse("loaded", times=2))
    desk.run()
    desk.requests.clear()
    report = desk.run()
    assert report.status == "ok"
    assert report.notes[0].endswith(" had staged is fetched again: no room")
    assert ids(desk) == [1, 2, 3, 4]
    assert desk.requests == ["GET /items", "GET /items?after=x"]


def test_r12_rows_that_the_database_refuses_for_good_are_not_promised_to_be_committed(desk: Lab) -> None:
    desk.write(ITEMS.replace("type: integer}}", "type: integer}, v: {path: id, type: integer}}"))
    desk.run()
    desk.write(ITEMS.replace("type: integer}}", "type: integer}, v: {path: v, type: date}}"))
    desk.api = lambda _: page(9)
    report = desk.run()
    assert (report.status, report.notes[-1]) == ("failed", REFUSED)
    refused = report.message
    assert refused.endswith("cannot change from integer to date without loss, such as 1")
    report = desk.run()
    assert (report.status, report.message) == ("failed", refused)
    assert report.notes[0].endswith(f" had staged is fetched again: {refused}")


def test_r07_partitions_that_were_read_before_the_database_was_held_still_get_their_deletes(
    lab: Lab, shell: ExitStack
) -> None:
    lab.write("""
syncs:
  items:
    for_each: {values: [a, b], as: part}
    request: "/${part}"
    pagination: none
    key: id
    fields: {id: {path: id, type: integer}}
""")
    lab.store = DuckDBStore(lab.database, lock_timeout=0)
    first = {"/a": [{"id": 1}, {"id": 2}], "/b": [{"id": 3}]}
    lab.api = lambda request: first[request.url.path]
    assert lab.run().status == "ok"
    second = {"/a": [{"id": 1}], "/b": [{"id": 3}]}

    def held(request: httpx.Request) -> Any:
        if request.url.path == "/b":
            hold(lab, shell)
        return second[request.url.path]

    lab.api = held
    assert lab.run().status == "locked"
    shell.close()
    lab.requests.clear()
    report = lab.run()
    assert (report.status, report.changes.deleted) == ("ok", 1)
    assert lab.requests == []
    assert ids(lab) == [1, 3]


def refuse(step: str, *, times: int) -> Any:
    """Return a fault that lets a store refuse what it is given at *step*, *times* times."""
    left = [times]

    def fault(name: str) -> None:
        if name == step and left[0]:
            left[0] -= 1
            raise StoreError("no room")

    return fault
