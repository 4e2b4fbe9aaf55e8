"""Runs that end too early, and what the next one makes of it; in one process, so that it is fast."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from syncrun.errors import LockedError, StoreError
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.commit import Changes, Commit
from syncrun.stores.values.ids import SyncId
from tests.lab import Lab

ITEMS = """
    syncs:
      items:
        request: /items
        pagination: {type: page, size: 2}
        key: id
        fields: {id: {path: id, type: integer}, name: name}
"""
KEYLESS = ITEMS.replace("        key: id\n", "").replace("id: {path: id, type: integer}, ", "")
FEED = """
    syncs:
      items:
        request: {path: /items, params: {since: "${cursor}"}}
        pagination: {type: page, size: 2}
        key: id
        fields: {id: {path: id, type: integer}, at: {path: at, type: integer}}
        incremental: {cursor: at}
        deletes: {request: /deleted, pagination: {type: page, size: 2}, key: id}
"""
SNAPSHOT = """
    syncs:
      items:
        request: {path: /items, params: {since: "${cursor}"}}
        pagination: {type: page, size: 2}
        key: id
        fields: {id: {path: id, type: integer}, at: {path: at, type: integer}}
        incremental: {cursor: at}
        deletes: {snapshot: {every: 7d}}
"""
Record = dict[str, Any]


class Killed(BaseException):
    """What ends a run in these tests: no error that anybody expects."""


class Pages:
    """An API with pages of two, which answers *broken* pages with a status."""

    def __init__(self, *records: Record) -> None:
        self.records = list(records)
        self.broken: dict[str, int] = {}
        self.deleted: list[Record] = []

    def __call__(self, request: httpx.Request) -> Any:
        page = request.url.params.get("page", "1")
        place = f"{request.url.path}?{page}"
        if place in self.broken:
            return httpx.Response(self.broken[place])
        found = self.deleted if request.url.path == "/deleted" else self.records
        since = int(request.url.params.get("since", 0))
        found = [record for record in found if record.get("at", since) >= since]
        return found[(int(page) - 1) * 2 :][:2]


def item(number: int, **more: Any) -> Record:
    return {"id": number, "name": f"n{number}", **more}


def items(*numbers: int) -> list[Record]:
    return [item(number) for number in numbers]


def stop_at(step: str, time: int = 1) -> Callable[[str], None]:
    """Return a fault that kills the run at the given *time* of a *step*."""
    left = [time]

    def fault(seen: str) -> None:
        left[0] -= seen == step
        if seen == step and not left[0]:
            raise Killed

    return fault


def kill(lab: Lab, step: str, time: int = 1, **options: Any) -> None:
    with pytest.raises(Killed):
        lab.run(fault=stop_at(step, time), **options)
    lab.requests.clear()


def ids(lab: Lab) -> list[int]:
    return [record["id"] for record in lab.live()]


# ── no exception is swallowed ──────────────────────────────────────────────────────────────────────


STEPS = ["page", "sealed", "staged", "committed", "settled"]


@pytest.mark.parametrize("step", STEPS)
def test_what_ends_the_process_is_not_swallowed(lab: Lab, step: str) -> None:
    lab.write(ITEMS)
    lab.api = Pages(*items(1, 2, 3))

    def fault(seen: str) -> None:
        if seen == step:
            raise Killed("gone")

    with pytest.raises(Killed, match="gone"):
        lab.run(fault=fault)
    assert lab.run().status == "ok"
    assert ids(lab) == [1, 2, 3]
    assert lab.rows("SELECT last FROM syncrun.sequence") == [(3,)]


@pytest.mark.parametrize("step", STEPS)
def test_a_defect_fails_its_run_which_has_its_row_and_its_trace(lab: Lab, step: str) -> None:
    """The message names place, stage and request, and never what the exception says: it may quote a secret."""
    secret = "-".join(["hunter", "22"])
    lab.write(ITEMS)
    lab.api = Pages(*items(1, 2, 3))

    def fault(seen: str) -> None:
        if seen == step:
            raise RuntimeError(secret)

    report = lab.run(fault=fault)
    stage = "reading" if step == "page" else "committing"
    expected = (
        rf"internal error: RuntimeError in fault \(line \d+\) while {stage}, after GET https://api.test/.*"
    )
    assert report.status == "failed"
    assert re.fullmatch(expected, report.message)
    assert report.hint.startswith("this is a defect of syncrun; `syncrun logs ")
    assert [status for (status,) in lab.rows("SELECT status FROM syncrun.runs")] == ["failed"]
    told = lab.rows("SELECT message FROM syncrun.logs WHERE level = 'error'")
    assert secret not in str(told)
    assert lab.run().status in ("ok", "incomplete")  # where it goes on at a numbered page
    assert ids(lab) == [1, 2, 3]
    assert lab.rows("SELECT last FROM syncrun.sequence") == [(3,)]


# ── where the next run goes on ─────────────────────────────────────────────────────────────────────


def test_r02_a_run_goes_on_at_the_page_after_those_committed(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = Pages(*items(*range(1, 8)))
    kill(lab, "page", 3, commit_rows=2)
    assert lab.run().changes.added == 3
    assert lab.requests == ["GET /items?page=3", "GET /items?page=4"]
    assert ids(lab) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    "change",
    [
        ("name: name", "name: title"),
        ("request: /items", "request: {path: /items, params: {all: 1}}"),
        ("size: 2", "size: 3"),
        ("key: id", "key: id\n        where: id != `9`"),
    ],
)
def test_a_page_of_another_definition_is_not_gone_on_with(lab: Lab, change: tuple[str, str]) -> None:
    lab.write(ITEMS)
    lab.api = Pages(*items(1, 2, 3))
    kill(lab, "page", 2, commit_rows=2)
    lab.write(ITEMS.replace(*change))
    assert lab.run().status == "ok"
    assert "page=1" in lab.requests[0]


@pytest.mark.parametrize(("entry", "first"), [("region: {}", "page=1"), ("region: {secret: true}", "page=2")])
def test_a_page_belongs_to_the_config_that_it_was_read_with(lab: Lab, entry: str, first: str) -> None:
    lab.write(
        f"connector: lab\nbase_url: https://api.test\nconfig: {{{entry}}}" + ITEMS.replace("\n    ", "\n")
    )
    lab.api = Pages(*items(1, 2, 3))
    kill(lab, "page", 2, commit_rows=2, config={"region": "eu"})
    lab.run(config={"region": "us"})
    assert first in lab.requests[0]


def test_equal_records_without_a_key_stay_apart_when_a_run_is_resumed(lab: Lab) -> None:
    lab.write(KEYLESS)
    lab.api = Pages(*({"name": name} for name in "abaca"))
    kill(lab, "page", 2, commit_rows=2)
    lab.run()
    assert "page=1" in lab.requests[0]
    assert [record["name"] for record in lab.live()] == ["a", "a", "a", "b", "c"]
    assert lab.rows("SELECT last FROM syncrun.sequence") == [(5,)]


def test_a_detected_pagination_is_gone_on_with(lab: Lab) -> None:
    lab.write(ITEMS.replace("        pagination: {type: page, size: 2}\n", ""))

    def api(request: httpx.Request) -> Any:
        start = int(request.url.params.get("cursor", 0))
        following = str(start + 2) if start < 4 else None
        return {"data": items(start + 1, start + 2), "next_cursor": following}

    lab.api = api
    kill(lab, "page", 2, commit_rows=2)
    assert lab.checkpoint()["resume"]["pagination"] == {
        "type": "cursor",
        "into": "params.cursor",
        "token": "next_cursor",
    }
    lab.run()
    assert lab.requests == ["GET /items?cursor=2", "GET /items?cursor=4"]
    assert ids(lab) == [1, 2, 3, 4, 5, 6]


def test_r07_what_was_lost_before_the_stop_is_not_taken_for_deleted(lab: Lab) -> None:
    lab.write(ITEMS + '        detail: {path: "/items/${record.id}", on_error: skip}\n')
    missing: set[str] = set()

    def api(request: httpx.Request) -> Any:
        if request.url.path == "/items":
            return items(1, 2, 3, 4, 5)[(int(request.url.params["page"]) - 1) * 2 :][:2]
        number = request.url.path.rpartition("/")[2]
        return httpx.Response(404) if number in missing else item(int(number))

    lab.api = api
    assert lab.run().status == "ok"
    missing.add("1")
    kill(lab, "page", 2, commit_rows=1)
    missing.clear()
    assert lab.run().status == "incomplete"
    assert ids(lab) == [1, 2, 3, 4, 5]
    assert lab.run().status == "ok"


def test_r33_a_list_of_deletions_that_was_read_is_not_read_again(lab: Lab) -> None:
    lab.write(FEED)
    api = lab.api = Pages(*(item(n, at=n) for n in range(1, 5)))
    lab.run()
    lab.run()  # numbered pages: the cursor moves when all was read twice
    api.records += [item(n, at=n) for n in range(5, 8)]
    api.deleted = items(1, 2, 3)
    kill(lab, "page", 4, commit_rows=1)  # two pages of deletions and one of records are committed
    assert (ids(lab), lab.checkpoint()["cursor"]) == ([1, 2, 3, 4, 5], 4)
    lab.run(commit_rows=1)
    assert [request.partition("?")[0] for request in lab.requests] == ["GET /items", "GET /items"]
    assert ids(lab) == [4, 5, 6, 7]
    assert lab.checkpoint().get("resume") is None


def test_r17_a_run_that_ends_incomplete_starts_over(lab: Lab) -> None:
    lab.write(ITEMS.replace("size: 2}", "size: 2, max_pages: 2}"))
    lab.api = Pages(*items(1, 2, 3, 4, 5))
    assert lab.run(commit_rows=1).status == "incomplete"
    lab.requests.clear()
    assert lab.run(commit_rows=1).status == "incomplete"
    assert "page=1" in lab.requests[0]


def test_r01_a_place_that_cannot_be_read_is_an_error(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = Pages(*items(1, 2, 3))
    kill(lab, "page", 2, commit_rows=2)
    sync = SyncId("acme", "lab", "items")
    broken = json.loads(lab.store.checkpoints(sync)[""].state)
    broken["resume"]["page"] = {"chapter": 3}
    lab.store.save_checkpoints(sync, {"": json.dumps(broken)}, lab.clock.now())
    report = lab.run()
    assert (report.status, report.message[:31]) == ("failed", "the checkpoint cannot be read: ")
    assert report.hint == "`syncrun run --reset acme/items` starts over and keeps the records"
    assert lab.run(reset=True).status == "ok"


# ── snapshot windows ───────────────────────────────────────────────────────────────────────────────


def test_r08_a_window_survives_and_its_records_count_as_seen(lab: Lab) -> None:
    lab.write(ITEMS)
    api = lab.api = Pages(*items(1, 2, 3, 4, 5))
    lab.run()
    api.records = items(1, 3, 4, 5)
    kill(lab, "page", 2, commit_rows=2)
    kill(lab, "staged")  # the last commit, with its deletes, which the next run does
    report = lab.run()
    assert report.notes[0].startswith("committed what run ")
    assert (report.changes.missing, lab.run().changes.deleted) == (1, 1)
    assert lab.feed()[-1] == (2, "DELETED")
    assert ids(lab) == [1, 3, 4, 5]
    assert lab.rows("SELECT last FROM syncrun.sequence") == [(6,)]
    assert lab.rows("SELECT count(*) FROM syncrun.snapshots") == [(0,)]


def test_r08_reset_closes_the_window_and_reads_from_the_first_page(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = Pages(*items(1, 2, 3))
    kill(lab, "page", 2, commit_rows=2)
    assert lab.rows("SELECT count(*) FROM syncrun.snapshots") == [(1,)]
    lab.api = Pages(*items(2, 3))
    assert lab.run(reset=True).changes.missing == 1
    assert "page=1" in lab.requests[0]
    assert (lab.run().changes.deleted, ids(lab)) == (1, [2, 3])


def test_a_limited_run_looks_at_the_beginning_and_leaves_the_window_alone(lab: Lab) -> None:
    lab.write(SNAPSHOT)
    lab.api = Pages(*(item(n, at=n) for n in range(1, 8)))
    kill(lab, "page", 3, commit_rows=2)
    before = lab.checkpoint(), lab.rows("FROM syncrun.snapshots"), lab.rows("FROM syncrun.seen")
    report = lab.run(limit=2)
    assert (report.status, report.records, "page=1" in lab.requests[0]) == ("ok", 2, True)
    assert before == (lab.checkpoint(), lab.rows("FROM syncrun.snapshots"), lab.rows("FROM syncrun.seen"))
    lab.requests.clear()
    assert lab.run().mode == "full"
    assert "page=3" in lab.requests[0]
    assert ids(lab) == [1, 2, 3, 4, 5, 6, 7]


def test_r08_partitions_that_are_read_are_not_fetched_again(lab: Lab) -> None:
    lab.write("""
        syncs:
          items:
            for_each: {values: [a, b, c], as: place}
            request: "/${place}"
            pagination: {type: page, size: 2}
            key: [place, id]
            fields: {id: {path: id, type: integer}, place: "${place}"}
    """)
    lab.api = Pages(*items(1, 2, 3))
    lab.run()
    lab.api = Pages(*items(1, 3))
    kill(lab, "page", 4, commit_rows=1)  # `a` is read, the first page of `b` is committed
    report = lab.run()
    assert lab.requests == ["GET /b?page=2", "GET /c?page=1", "GET /c?page=2"]
    two = "SELECT place FROM lab.items WHERE id = 2"
    assert report.status == "incomplete"  # `b` went on at a page that may have moved
    assert lab.rows(two + " ORDER BY 1") == [("a",), ("b",), ("c",)]
    assert lab.rows("SELECT partition FROM syncrun.missing ORDER BY 1") == [('["a"]',), ('["c"]',)]
    assert (lab.run().status, lab.rows(two)) == ("ok", [("b",)])
    assert (lab.run().status, lab.rows(two)) == ("ok", [])


# ── commits while a run reads ──────────────────────────────────────────────────────────────────────


def test_commits_while_a_run_reads_show_its_rows_and_free_the_database(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = Pages(*items(1, 2, 9))
    lab.run()
    seen: list[set[int]] = []

    def look(step: str) -> None:
        if step == "settled":
            seen.append({n for (n,) in DuckDBStore(lab.database).query("SELECT id FROM lab.items").rows})

    lab.api = Pages(*items(*range(1, 9)))
    lab.run(commit_rows=1, lock_timeout=10.0, accept_deletes=True, fault=look)
    assert ids(lab) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert seen[:2] == [{1, 2, 9}, {1, 2, 3, 4, 9}]
    assert seen[-1] == {1, 2, 3, 4, 5, 6, 7, 8}  # 9 is gone only when all pages are read


def test_records_become_visible_when_they_have_waited_long_enough(lab: Lab) -> None:
    lab.write(ITEMS)
    commits: list[int] = []

    def api(request: httpx.Request) -> Any:
        lab.clock.advance(seconds=40)
        return items(*range(1, 8))[(int(request.url.params["page"]) - 1) * 2 :][:2]

    def fault(step: str) -> None:
        commits.extend([1] if step == "staged" else [])

    lab.api = api
    lab.run(fault=fault, commit_seconds=60.0)
    assert 2 <= len(commits) <= 3
    assert ids(lab) == [1, 2, 3, 4, 5, 6, 7]


# ── a database that somebody else holds ────────────────────────────────────────────────────────────


class Held(DuckDBStore):
    """A database that somebody holds whenever a run would commit."""

    def commit(self, commit: Commit) -> Changes:
        raise LockedError("held by a test")


def test_r03_staged_rows_are_committed_before_anything_is_fetched(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = Pages(*items(1, 2, 3))
    store, lab.store = lab.store, Held(lab.database)
    assert lab.run().status == "locked"
    lab.store, lab.api = store, lambda _: httpx.Response(403)
    report = lab.run()
    assert report.status == "failed"
    assert report.notes[0].startswith("committed what run ")
    assert ids(lab) == [1, 2, 3]


def test_r03_a_run_that_was_locked_out_halfway_is_gone_on_with(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = Pages(*items(1, 2, 3, 4, 5))
    store, lab.store = lab.store, Held(lab.database)
    assert lab.run(commit_rows=3).status == "locked"
    lab.store = store
    lab.requests.clear()
    assert lab.run().status == "incomplete"  # numbered pages may have moved meanwhile
    assert ["page=3" in request for request in lab.requests] == [True]
    assert lab.rows("SELECT last FROM syncrun.sequence") == [(5,)]


def test_a_manifest_goes_before_the_files_that_it_names(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies while it clears up must not leave a commit whose files are gone."""
    lab.write(ITEMS)
    lab.api = Pages(*items(1, 2, 3))
    kill(lab, "staged")

    def die(folder: Any, **_: Any) -> None:
        assert sorted(path.name for path in folder.iterdir()) == ["log-000001.jsonl", "rows-000001.jsonl"]
        raise Killed

    monkeypatch.setattr("shutil.rmtree", die)
    with pytest.raises(Killed):
        lab.run()
    monkeypatch.undo()
    assert lab.run().status == "ok"
    assert lab.rows("SELECT last FROM syncrun.sequence") == [(3,)]


# ── time is over ───────────────────────────────────────────────────────────────────────────────────


def test_a_run_that_takes_too_long_fails_and_keeps_its_progress(lab: Lab) -> None:
    lab.write(ITEMS)

    def api(request: httpx.Request) -> Any:
        lab.clock.advance(seconds=25)
        return items(*range(1, 8))[(int(request.url.params["page"]) - 1) * 2 :][:2]

    lab.api = api
    report = lab.run(timeout=60.0)
    assert (report.status, report.message) == ("failed", "timed out after 60 s")
    assert report.hint == "the next run goes on where this one ended"
    assert report.changes.added in (0, 2, 4)  # pages are fetched ahead, and take time
    done = report.changes.added // 2
    lab.requests.clear()
    assert lab.run(timeout=600.0).status == "incomplete"  # it went on at a numbered page
    assert f"page={done + 1}" in lab.requests[0]
    assert ids(lab) == [1, 2, 3, 4, 5, 6, 7]


def test_the_time_of_a_run_does_not_begin_anew_when_its_cursor_expires(lab: Lab) -> None:
    lab.write(SNAPSHOT.replace("{cursor: at}", "{cursor: at, expired: {status: 410}}"))
    lab.api = Pages(item(1, at=1))
    lab.run()
    answers: Iterator[Any] = iter([httpx.Response(410), [item(1, at=1), item(2, at=2)], [item(3, at=3)]])

    def api(_request: httpx.Request) -> Any:
        lab.clock.advance(seconds=40)
        return next(answers)

    lab.api = api
    assert lab.run(timeout=60.0).message == "timed out after 60 s"


def test_a_store_that_refuses_is_told_as_it_is(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = Pages(*items(1, 2, 3))

    class Full(DuckDBStore):
        def commit(self, commit: Commit) -> Changes:
            raise StoreError("the disk is full")

    store, lab.store = lab.store, Full(lab.database)
    report = lab.run()
    assert (report.status, report.message) == ("failed", "the disk is full")
    lab.store = store
    assert lab.run().status == "ok"
    assert lab.rows("SELECT last FROM syncrun.sequence") == [(3,)]
