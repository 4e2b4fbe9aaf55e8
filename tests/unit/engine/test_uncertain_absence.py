"""When a record that was not seen may be there all the same, or was seen by a read that is no more (R7, R8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.lab import Lab

ITEMS = """
    syncs:
      items:
        request: /items
        pagination: {type: cursor, token: next, into: params.after}
        records: items
        key: id
        fields: {id: {path: id, type: integer}, name: name}
"""
PARTS = """
    syncs:
      shops: {request: /shops, pagination: none, key: id, fields: [id]}
      items:
        for_each: {sync: shops, as: shop}
        request: "/shops/${shop.id}"
        pagination: {type: cursor, token: next, into: params.after}
        records: items
        key: id
        fields: {id: {path: id, type: integer}}
"""


class Killed(BaseException):  # the process is gone
    pass


def killing(step: str, nth: int) -> Callable[[str], None]:
    reached: list[str] = []

    def fault(name: str) -> None:
        reached.append(name)
        if name == step and reached.count(step) == nth:
            raise Killed

    return fault


class Api:
    """Lists of records by path, two a page; it may forget its page tokens."""

    def __init__(self, **lists: list[Any]) -> None:
        self.lists = lists
        self.forgotten = False

    def __call__(self, request: httpx.Request) -> Any:
        name = request.url.path.rpartition("/")[2]
        if name == "shops":
            return [{"id": shop} for shop in self.lists]
        after = request.url.params.get("after")
        if after is not None and self.forgotten:
            self.forgotten = False
            return httpx.Response(400)
        start = int(after or 0)
        found = [{"id": n} if isinstance(n, int) else n for n in self.lists[name]]
        return {"items": found[start : start + 2], "next": start + 2 if found[start + 2 :] else None}


def ids(lab: Lab) -> list[int]:
    return [record["id"] for record in lab.live("items")]


# ── records without a readable key ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("commit_rows", [1, 1000])
def test_r07_a_record_without_a_readable_key_makes_absence_uncertain(lab: Lab, commit_rows: int) -> None:
    lab.write(ITEMS)
    api = lab.api = Api(items=[1, 2, 3, 4, 5])
    lab.run()
    api.lists["items"] = [{"id": "x1"}, 2, 3, 4, 5]
    report = lab.run(commit_rows=commit_rows)
    assert (report.status, report.changes.deleted, ids(lab)) == ("incomplete", 0, [1, 2, 3, 4, 5])
    assert report.message == (
        "1 live record had not been seen, but 1 record went into quarantine without a readable key"
        " and may be among them: nothing was deleted"
    )
    assert report.hint == "`run --accept-deletes` deletes them all the same"
    assert lab.run(accept_deletes=True).changes.deleted == 1


def test_r07_where_all_are_seen_a_record_without_a_key_is_no_trouble(lab: Lab) -> None:
    lab.write(ITEMS)
    api = lab.api = Api(items=[1, 2])
    lab.run()
    api.lists["items"] = [1, 2, {"id": None}]
    assert lab.run().status == "ok"


def test_r07_a_rejected_record_with_a_readable_key_counts_as_seen(lab: Lab) -> None:
    lab.write(ITEMS.replace("name: name", "name: {path: name, type: integer}"))
    api = lab.api = Api(items=[1, 2, 3])
    lab.run()
    api.lists["items"] = [{"id": 1, "name": "no number"}, 3]
    report = lab.run()
    assert (report.status, report.changes.deleted, ids(lab)) == ("ok", 1, [1, 3])


def test_r07_a_record_without_a_readable_key_is_remembered_by_the_run_that_goes_on(lab: Lab) -> None:
    lab.write(ITEMS)
    api = lab.api = Api(items=[1, 2, 3, 4, 5])
    lab.run()
    api.lists["items"] = [{"id": "x1"}, 2, 3, 4, 5]
    with pytest.raises(Killed):
        lab.run(commit_rows=1, fault=killing("settled", 1))
    report = lab.run()
    assert (report.status, ids(lab)) == ("incomplete", [1, 2, 3, 4, 5])


# ── windows of runs that were killed ───────────────────────────────────────────────────────────────


def test_r08_what_a_killed_run_saw_counts_for_the_run_that_goes_on(lab: Lab) -> None:
    lab.write(ITEMS)
    api = lab.api = Api(items=[1, 2, 3, 4, 5])
    lab.run()
    with pytest.raises(Killed):
        lab.run(commit_rows=1, fault=killing("settled", 1))
    lab.requests.clear()
    assert lab.run().status == "ok"
    assert lab.requests == ["GET /items?after=2", "GET /items?after=4"]
    assert ids(lab) == [1, 2, 3, 4, 5]
    del api


@pytest.mark.parametrize("how", ["request", "token"])
def test_r08_what_only_a_killed_run_saw_does_not_count_when_all_is_read_anew(lab: Lab, how: str) -> None:
    lab.write(ITEMS)
    api = lab.api = Api(items=[1, 2, 3, 4, 5])
    lab.run()
    api.lists["items"] = [1, 6, 2, 3, 4, 5]
    with pytest.raises(Killed):
        lab.run(commit_rows=1, fault=killing("settled", 1))
    assert 6 in ids(lab)
    api.lists["items"] = [2, 3, 4, 5]  # what the killed run saw, and what it added, is gone
    if how == "request":
        lab.write(ITEMS.replace("request: /items", "request: {path: /items, params: {all: 1}}"))
    else:
        api.forgotten = True
    report = lab.run()
    assert (report.status, report.changes.deleted, ids(lab)) == ("ok", 2, [2, 3, 4, 5])
    assert lab.rows("SELECT count(*) FROM syncrun.seen") == [(0,)]


def test_r08_a_dry_run_of_all_anew_says_the_same(lab: Lab) -> None:
    lab.write(ITEMS)
    api = lab.api = Api(items=[1, 2, 3, 4, 5])
    lab.run()
    api.lists["items"] = [1, 6, 2, 3, 4, 5]
    with pytest.raises(Killed):
        lab.run(commit_rows=1, fault=killing("settled", 1))
    api.lists["items"] = [2, 3, 4, 5]
    lab.write(ITEMS.replace("request: /items", "request: {path: /items, params: {all: 1}}"))
    assert lab.dry_run().preview.changes.deleted == 2
    assert lab.run(commit_rows=1).changes.deleted == 2


def test_r08_one_partition_that_is_read_anew_forgets_and_the_others_do_not(lab: Lab) -> None:
    lab.write(PARTS)
    api = lab.api = Api(a=[1, 2], b=[3, 4, 5, 6])
    lab.run("shops")
    lab.run("items")
    api.lists["b"] = [7, 3, 4, 5, 6]
    with pytest.raises(Killed):
        lab.run("items", commit_rows=1, fault=killing("settled", 2))  # after the first page of b
    api.lists["a"] = [1]  # too late: a was read to its end
    api.lists["b"] = [4, 5, 6]
    api.forgotten = True
    lab.run("items")
    assert ids(lab) == [1, 2, 4, 5, 6]
    assert (lab.run("items").status, ids(lab)) == ("ok", [1, 4, 5, 6])
