"""What a run may go on from: places in a list, complete reads that were begun, partitions that come and go."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from syncrun.errors import LockedError, StoreError
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.commit import Changes, Commit
from tests.lab import Lab

Answer = Callable[[httpx.Request], Any]

ITEMS = """
    syncs:
      items:
        request: {path: /items, params: {since: "${cursor}"}}
        records: items
        pagination: {type: cursor, token: next, into: params.after}
        key: id
        fields: {id: {path: id, type: integer}, at: {path: at, type: integer}, v: v}
        incremental: {cursor: at}
"""
PLAIN = ITEMS.replace("        incremental: {cursor: at}\n", "").replace(', params: {since: "${cursor}"}', "")
CHILDREN = """
    syncs:
      parents: {request: /parents, pagination: none, key: id, fields: [id]}
      items:
        for_each: {sync: parents}
        request: {path: "/parents/${parent.id}", params: {since: "${cursor}"}}
        records: items
        pagination: {type: cursor, token: next, into: params.after}
        key: id
        fields: {id: {path: id, type: integer}, at: {path: at, type: integer}}
        incremental: {cursor: at}
        deletes: {snapshot: {every: 7d}}
"""


class Keyset:
    """An API whose pages name the id to go on after, and that can break at one of them."""

    def __init__(self, *records: dict[str, Any], size: int = 2) -> None:
        self.records, self.size = list(records), size
        self.broken_after: int | None = None
        self.status = 400

    def __call__(self, request: httpx.Request) -> Any:
        after = int(request.url.params.get("after", 0))
        if after == self.broken_after:
            return httpx.Response(self.status)
        since = int(request.url.params.get("since", 0))
        found = [record for record in self.records if record["at"] >= since]
        rest = sorted((r for r in found if r["id"] > after), key=lambda r: r["id"])
        page = rest[: self.size]
        return {"items": page, "next": page[-1]["id"] if len(rest) > self.size else None}


def item(number: int, at: int = 0, v: int = 0) -> dict[str, Any]:
    return {"id": number, "at": at, "v": v}


def ids(lab: Lab, sync: str = "items") -> list[int]:
    return [record["id"] for record in lab.live(sync)]


class Killed(BaseException):  # the process is gone
    pass


def killed_at(step: str, time: int = 1) -> Callable[[str], None]:
    """Return a fault that ends the process when *step* is reached for the *time*-th time."""
    steps = itertools.repeat(step, time)

    def fault(reached: str) -> None:
        if reached == step:
            next(steps)
            if not operator.length_hint(steps):
                raise Killed

    return fault


# ── an unfinished complete read ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("deletes", ["none", "{flag: gone}", "{snapshot: {every: 7d}}"])
def test_a_complete_read_that_was_committed_in_parts_is_over_when_it_ends(lab: Lab, deletes: str) -> None:
    lab.write(f"{ITEMS}        deletes: {deletes}\n")
    api = lab.api = Keyset(*(item(n, n) for n in range(1, 6)))
    assert lab.run(commit_rows=1).mode == "full"
    api.records.append(item(6, 6))
    report = lab.run(commit_rows=1)
    assert (report.mode, report.changes.added) == ("incremental", 1)
    assert lab.rows("SELECT count(*) FROM syncrun.snapshots") == [(0,)]


def test_r16_a_full_read_that_stopped_is_finished_although_a_cursor_is_known(lab: Lab) -> None:
    lab.write(ITEMS)
    api = lab.api = Keyset(*(item(n, n) for n in range(1, 6)))
    lab.run()
    api.broken_after, api.status = 2, 403
    assert lab.run(full=True).status == "failed"
    api.broken_after = None
    lab.requests.clear()
    assert lab.run().mode == "full"
    assert lab.requests == ["GET /items?after=2", "GET /items?after=4"]
    assert lab.run().mode == "incremental"


def test_r13_what_changes_while_a_read_is_stopped_is_not_passed_over(lab: Lab) -> None:
    lab.write(ITEMS)
    api = lab.api = Keyset(item(1, 1), item(2, 2), item(3, 3))
    api.broken_after, api.status = 2, 403
    assert lab.run().status == "failed"
    api.broken_after = None
    api.records = [item(1, 5, v=1), item(2, 2), item(3, 9)]
    lab.run()
    assert lab.checkpoint()["cursor"] == 2  # 9 would hide that 1 has changed
    lab.run()
    assert (lab.live()[0]["v"], lab.checkpoint()["cursor"]) == (1, 9)


def test_r13_what_changes_during_a_read_is_not_passed_over(lab: Lab) -> None:
    lab.write(ITEMS.replace("at: {path: at, type: integer}", "at: {path: at, type: timestamp}"))
    answers: Iterator[Any] = iter(
        [
            {"items": [{"id": 1, "at": "2024-06-01T11:00:00Z"}], "next": "x"},
            {"items": [{"id": 2, "at": "2024-06-01T12:30:00Z"}]},  # it is 12:00 when the run begins
        ]
    )
    lab.api = lambda _: next(answers)
    lab.run()
    assert "2024-06-01T12:00:00" < lab.checkpoint()["cursor"] < "2024-06-01T12:01:00"


def test_r13_an_interrupted_ascending_read_goes_on_from_its_cursor(lab: Lab) -> None:
    """A page number of the list since the old cursor means nothing in the list since the new one."""
    lab.write("""
        syncs:
          items:
            request: {path: /items, params: {since: "${cursor}"}}
            pagination: {type: page, size: 2}
            key: id
            fields: [id, at]
            incremental: {cursor: at, type: integer, order: ascending}
    """)
    records, broken = [item(1, 1)], {"0"}

    def api(request: httpx.Request) -> Any:
        page = request.url.params["page"]
        if page in broken:
            return httpx.Response(403)
        found = [record for record in records if record["at"] >= int(request.url.params.get("since", 0))]
        return found[(int(page) - 1) * 2 :][:2]

    lab.api = api
    lab.run()
    records += [item(n, n) for n in range(2, 9)]
    broken.add("3")
    assert lab.run().status == "failed"
    broken.clear()
    assert lab.run().status == "ok"
    assert ids(lab) == list(range(1, 9))


@pytest.mark.parametrize("status", [400, 404, 410, 500])
def test_a_page_that_the_api_has_forgotten_means_to_start_over(lab: Lab, status: int) -> None:
    lab.write(PLAIN)
    api = lab.api = Keyset(*(item(n) for n in range(1, 6)))
    api.broken_after, api.status = 2, 403
    assert lab.run().status == "failed"
    api.status = status
    api.records = [record for record in api.records if record["id"] != 2]  # then 2 is nobody's place
    report = lab.run(commit_rows=1)
    assert (report.status, ids(lab)) == ("ok", [1, 3, 4, 5])  # only the run before had seen 2


def test_a_place_is_kept_while_the_api_is_down(lab: Lab) -> None:
    lab.write(PLAIN)
    api = lab.api = Keyset(*(item(n) for n in range(1, 6)))
    api.broken_after, api.status = 2, 403
    lab.run()
    lab.run()
    api.broken_after = None
    lab.requests.clear()
    assert lab.run().status == "ok"
    assert lab.requests == ["GET /items?after=2", "GET /items?after=4"]


def test_r22_too_many_bad_records_block_the_deletes_of_the_run_that_goes_on_too(lab: Lab) -> None:
    lab.write(f"{PLAIN}        max_quarantined: 1\n")
    lab.api = lambda _: {"items": [item(1), item(2), item(3)]}
    lab.run()
    lab.api = lambda _: {"items": [{"v": 1}, {"v": 2}, item(3)]}
    with pytest.raises(Killed):
        lab.run(
            commit_rows=1, fault=killed_at("committed")
        )  # everything is read and committed, but the run does not end
    assert lab.run().status == "incomplete"
    assert ids(lab) == [1, 2, 3]


# ── the cursor has expired ─────────────────────────────────────────────────────────────────────────


def test_r16_a_cursor_that_expires_when_pages_are_staged_already(lab: Lab) -> None:
    lab.write(ITEMS.replace("{cursor: at}", "{cursor: at, expired: {status: 410}}"))
    api = lab.api = Keyset(*(item(n, n) for n in range(1, 8)))
    lab.run()
    api.records = [item(n, n + 10, v=1) for n in range(1, 8)]
    api.broken_after, api.status = 4, 410

    def recovers(request: httpx.Request) -> Any:
        if "since" not in request.url.params:
            api.broken_after = None
        return api(request)

    lab.api = recovers
    report = lab.run()
    assert (report.status, report.mode, report.changes.updated) == ("ok", "full", 7)
    assert (report.records, report.pages) == (4 + 7, 2 + 4)
    assert {record["v"] for record in lab.live()} == {1}


# ── partitions ─────────────────────────────────────────────────────────────────────────────────────


class Family:
    """Parents with items of their own; a status for a parent breaks its list, at its second page only if said."""

    def __init__(self, **items: list[int]) -> None:
        self.items = items
        self.status: dict[str, int] = {}
        self.at_once = True

    def __call__(self, request: httpx.Request) -> Any:
        parts = request.url.path.strip("/").split("/")
        if len(parts) == 1:
            return [{"id": name} for name in self.items]
        name = parts[1]
        if name in self.status and (self.at_once or "after" in request.url.params):
            return httpx.Response(self.status[name])
        return Keyset(*(item(n, n) for n in self.items.get(name, [])))(request)


def run_both(lab: Lab, **options: Any) -> Any:
    lab.run("parents")
    return lab.run("items", **options)


def test_r15_a_parent_that_comes_back_brings_all_its_children(lab: Lab) -> None:
    lab.write(CHILDREN)
    family = lab.api = Family(a=[1, 2, 3], b=[4, 5])
    run_both(lab)
    gone = family.items.pop("b")
    lab.clock.advance(days=7)
    assert run_both(lab).changes.deleted == 2
    family.items["b"] = gone  # as they were: nothing in them is newer than the old cursor
    assert run_both(lab).mode == "incremental"
    assert ids(lab) == [1, 2, 3, 4, 5]


class Forgetful(Family):
    """Parents of which `a` no longer knows what some parameters mean."""

    forgotten: frozenset[str] = frozenset()

    def __call__(self, request: httpx.Request) -> Any:
        unknown = request.url.path == "/parents/a" and self.forgotten & request.url.params.keys()
        return httpx.Response(410) if unknown else super().__call__(request)


EXPIRES = CHILDREN.replace("{cursor: at}", "{cursor: at, expired: {status: 410}}")


def test_r15_one_expired_cursor_is_that_of_one_partition(lab: Lab) -> None:
    lab.write(EXPIRES.replace("{snapshot: {every: 7d}}", "none"))
    family = lab.api = Forgetful(a=[2, 3, 4], b=[5, 6])
    run_both(lab)
    family.items["a"].insert(0, 1)  # older than the cursor: only a read of everything finds it
    family.forgotten = frozenset({"since"})
    lab.requests.clear()
    report = run_both(lab)
    read = ["/parents/a?since=3", "/parents/b?since=6", "/parents/a", "/parents/a?after=2"]
    assert [request.removeprefix("GET ") for request in lab.requests[1:]] == read
    told = "the cursor has expired, its partition is read again: GET https://api.test/parents/a?since=3: 410"
    assert (report.status, [note[: len(told)] for note in report.notes]) == ("ok", [told])
    assert (ids(lab), lab.checkpoint('["a"]', "items")["reached"]) == ([1, 2, 3, 4, 5, 6], 4)


@pytest.mark.parametrize("deletes", ["{snapshot: {every: 7d}}", "{flag: gone}"])
def test_r16_an_expired_cursor_reads_all_partitions_where_that_finds_what_vanished(
    lab: Lab, deletes: str
) -> None:
    lab.write(EXPIRES.replace("{snapshot: {every: 7d}}", deletes))
    family = lab.api = Forgetful(a=[1, 2, 3], b=[4, 5])
    run_both(lab)
    family.forgotten = frozenset({"since"})
    del family.items["b"][0]
    report = run_both(lab)
    assert (report.status, report.mode, report.changes.deleted) == ("ok", "full", 1)


def test_r16_an_expired_cursor_reads_all_partitions_where_what_is_staged_first_counts(lab: Lab) -> None:
    newest_first = EXPIRES.replace("{cursor: at,", "{cursor: at, order: descending,")
    lab.write(newest_first.replace("{snapshot: {every: 7d}}", "none"))
    family = lab.api = Forgetful(a=[1, 2, 3], b=[4, 5])
    run_both(lab)
    family.forgotten = frozenset({"since"})
    lab.requests.clear()
    report = run_both(lab)
    assert (report.status, report.mode) == ("ok", "full")
    assert {"GET /parents/a", "GET /parents/b"} <= set(lab.requests)


def test_r15_a_partition_that_starts_over_and_fails_starts_over_in_the_next_run(lab: Lab) -> None:
    lab.write(EXPIRES.replace("{snapshot: {every: 7d}}", "none"))
    family = lab.api = Forgetful(a=[1, 2, 3], b=[4, 5])
    run_both(lab)
    family.forgotten = frozenset({"since", "after"})  # where no cursor was sent, 410 is an error as any other
    assert run_both(lab).status == "incomplete"
    family.forgotten = frozenset()
    lab.requests.clear()
    assert (run_both(lab).status, lab.requests[1]) == ("ok", "GET /parents/a")


def test_r09_r15_a_parent_that_leaves_between_snapshots_takes_its_children_and_their_cursor(lab: Lab) -> None:
    lab.write(CHILDREN)
    many, others = list(range(40, 70)), list(range(1, 40))
    family = lab.api = Family(a=others, b=many)
    run_both(lab)
    del family.items["b"]
    report = run_both(lab)
    assert (report.status, report.mode, report.changes.deleted) == ("ok", "incremental", 30)
    family.items["b"] = many  # nothing in them is newer than the old cursor
    report = run_both(lab)
    assert (report.mode, ids(lab)) == ("incremental", [*others, *many])


def test_r08_a_place_in_one_snapshot_is_none_in_the_next(lab: Lab) -> None:
    """Otherwise what was seen before the stop, in a window that is closed, would be deleted."""
    lab.write(CHILDREN.replace("        incremental: {cursor: at}\n", "").replace("{every: 7d}", "true"))
    family = lab.api = Family(a=[1, 2], b=[3, 4, 5, 6])
    run_both(lab)
    with pytest.raises(Killed):
        lab.run("items", commit_rows=1, fault=killed_at("committed", 2))  # after the first page of b
    family.status = {"b": 404}
    assert run_both(lab).status == "incomplete"  # b is left out, and the snapshot is over
    family.status = {}
    run_both(lab)
    assert ids(lab) == [1, 2, 3, 4, 5, 6]


def test_r07_a_run_whose_partitions_all_fail_deletes_nothing(lab: Lab) -> None:
    lab.write(CHILDREN)
    family = lab.api = Family(a=[1], b=[2], c=[3])
    run_both(lab)
    del family.items["c"]
    family.status = {"a": 403, "b": 403}
    report = run_both(lab, full=True)
    assert (report.status, ids(lab)) == ("failed", [1, 2, 3])


def test_one_partition_that_fails_each_time_does_not_make_each_run_a_full_one(lab: Lab) -> None:
    lab.write(CHILDREN)
    family = lab.api = Family(a=[1], b=[2])
    family.status = {"b": 403}
    assert run_both(lab).mode == "full"
    assert run_both(lab).mode == "incremental"
    family.status = {}
    assert run_both(lab).mode == "incremental"
    assert ids(lab) == [1, 2]  # b had no cursor: all of it was read


def test_r10_no_parents_at_all_is_an_empty_result(lab: Lab) -> None:
    lab.write(CHILDREN)
    family = lab.api = Family(a=[1], b=[2])
    run_both(lab)
    family.items = {}
    lab.run("parents", accept_deletes=True)
    report = lab.run("items", full=True)
    assert (report.status, ids(lab)) == ("incomplete", [1, 2])
    assert lab.run("items", accept_deletes=True).changes.deleted == 2


def test_r09_an_empty_list_of_values_is_a_shorter_list(lab: Lab) -> None:
    lab.write("""
        connector: lab
        base_url: https://api.test
        config: {names: {type: array}}
        syncs:
          items:
            for_each: {values: "${config.names}"}
            request: /items/${parent}
            pagination: none
            deletes: {snapshot: true, allow_empty: true}
            key: id
            fields: {id: "${parent}"}
    """)
    lab.api = lambda _: [{}]
    lab.run(config={"names": ["a", "b"]})
    report = lab.run(config={"names": []})
    assert (report.status, report.changes.deleted) == ("ok", 0)
    assert report.notes == ("no longer listed: 2 partitions; `run --accept-deletes` deletes what they had",)
    assert lab.run(config={"names": []}, accept_deletes=True).changes.deleted == 2


def test_r09_a_failed_group_keeps_what_is_stored_under_another_one(lab: Lab) -> None:
    lab.write("""
        syncs:
          parents: {request: /parents, pagination: none, key: id, fields: [id]}
          items:
            for_each: {sync: parents, as: group, batch: 2}
            request: {path: /items, params: {of: "${group[].id}"}}
            pagination: none
            key: id
            fields: {id: id}
    """)
    parents = [{"id": n} for n in (2, 3, 4)]

    def api(request: httpx.Request) -> Any:
        if request.url.path == "/parents":
            return parents
        of = [int(number) for number in request.url.params.get_list("of")]
        return httpx.Response(403) if broken in of else [{"id": number} for number in of]

    lab.api, broken = api, 0
    run_both(lab)
    del parents[0]  # the groups are now [3, 4] in place of [2, 3] and [4]
    parents.append({"id": 5})
    broken = 5
    assert run_both(lab).status == "incomplete"
    assert ids(lab) == [2, 3, 4]


def test_changed_only_finishes_a_partition_that_was_begun(lab: Lab) -> None:
    lab.write(CHILDREN.replace("{sync: parents}", "{sync: parents, changed_only: true, on_error: fail}"))
    family = lab.api = Family(a=[1, 2, 3])
    run_both(lab)
    family.status, family.at_once = {"a": 403}, False
    assert run_both(lab, full=True).status == "failed"
    family.status = {}
    lab.requests.clear()
    assert run_both(lab).status == "ok"
    assert lab.requests == ["GET /parents", "GET /parents/a?after=2"]


def test_r15_a_partition_that_was_read_before_the_stop_keeps_its_cursor(lab: Lab) -> None:
    """It is not read again, so that the end of its last time window must not move."""
    lab.write("""
        syncs:
          items:
            for_each: {values: [a, b]}
            request: {path: "/${parent}", params: {from: "${window.start}", to: "${window.end}"}}
            pagination: none
            key: id
            fields: {id: id, at: {path: at, type: timestamp}}
            incremental: {cursor: at, start: "2024-05-25T00:00:00Z", window: 10d}
            deletes: {snapshot: {every: 30d}}
    """)
    lab.api = lambda _: []
    with pytest.raises(Killed):
        lab.run(commit_rows=0, fault=killed_at("committed"))
    before = lab.checkpoint('["a"]')["cursor"]
    lab.clock.advance(days=20)
    lab.run()
    assert lab.checkpoint('["a"]')["cursor"] == before


# ── deletes of incremental syncs ───────────────────────────────────────────────────────────────────


def test_r10_refused_deletes_are_accepted_by_the_next_run(lab: Lab) -> None:
    lab.write(f"{ITEMS}        deletes: {{snapshot: {{every: 7d}}}}\n")
    api = lab.api = Keyset(*(item(n, n) for n in range(1, 31)), size=50)
    lab.run()
    del api.records[:20]
    lab.clock.advance(days=7)
    assert lab.run().status == "incomplete"
    report = lab.run(accept_deletes=True)
    assert (report.status, report.mode, report.changes.deleted) == ("ok", "full", 20)


def test_filter_client_reads_everything_so_that_each_run_finds_what_vanished(lab: Lab) -> None:
    lab.write(PLAIN + "        incremental: {cursor: at, filter: client}\n        deletes: snapshot\n")
    api = lab.api = Keyset(*(item(n, n) for n in range(1, 6)))
    lab.run()
    del api.records[1]
    assert lab.run(commit_rows=1).changes.deleted == 1
    assert ids(lab) == [1, 3, 4, 5]


def test_filter_client_with_lookback_reads_a_partition_that_has_no_cursor_yet(lab: Lab) -> None:
    lab.write(CHILDREN.replace("{cursor: at}", "{cursor: at, filter: client, lookback: 1}"))
    family = lab.api = Family(a=[1])
    run_both(lab)
    family.items["b"] = [2, 3]
    report = run_both(lab)
    assert (report.status, report.message, ids(lab)) == ("ok", "", [1, 2, 3])


def test_deletions_are_asked_for_since_the_last_run_also_when_all_is_read(lab: Lab) -> None:
    lab.write(
        f'{ITEMS}        deletes: {{request: {{path: /gone, params: {{since: "${{cursor}}"}}}}, records: ids}}\n'
    )
    api = Keyset(item(1, 1), item(2, 2))
    deleted = [{"id": 1, "at": 0}]  # long ago; it has been made anew since

    def answer(request: httpx.Request) -> Any:
        if request.url.path == "/gone":
            since = int(request.url.params.get("since", 0))
            return {"ids": [entry for entry in deleted if entry["at"] >= since]}
        return api(request)

    lab.api = answer
    lab.run()
    lab.run(full=True)
    assert lab.requests[-2:] == ["GET /gone?since=2", "GET /items"]
    assert ids(lab) == [1, 2]


# ── a commit that fails ────────────────────────────────────────────────────────────────────────────


class Refusing(DuckDBStore):
    """A store whose next commits fail."""

    errors: list[Exception]

    def commit(self, commit: Commit) -> Changes:
        if self.errors:
            raise self.errors.pop(0)
        return super().commit(commit)


def refusing(lab: Lab, *errors: Exception) -> None:
    lab.store = Refusing(lab.database)
    lab.store.errors = list(errors)


def test_r12_rows_that_the_store_refuses_take_their_checkpoint_with_them(lab: Lab) -> None:
    lab.write(ITEMS)
    lab.api = Keyset(*(item(n, n) for n in range(1, 6)))
    refusing(lab, StoreError("no room"))
    report = lab.run()
    assert (report.status, report.message) == ("failed", "no room")
    lab.run()
    assert ids(lab) == [1, 2, 3, 4, 5]


def test_r03_progress_that_a_held_database_did_not_take_is_committed_by_the_next_run(lab: Lab) -> None:
    lab.write(PLAIN)
    api = lab.api = Keyset(*(item(n) for n in range(1, 6)))
    api.broken_after, api.status = 2, 403
    refusing(lab, LockedError("held"))
    assert lab.run().status == "failed"
    api.broken_after = None
    lab.requests.clear()
    assert lab.run().changes.added == 3
    assert lab.requests == ["GET /items?after=2", "GET /items?after=4"]
    assert ids(lab) == [1, 2, 3, 4, 5]
