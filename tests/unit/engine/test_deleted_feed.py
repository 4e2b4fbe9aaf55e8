"""`deletes.request`: what a list of deleted ids says, against what is read of the records (R33)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.lab import Lab

FEED = """
    syncs:
      events:
        request: {path: /events, params: {since: "${cursor}"}}
        records: items
        pagination: {type: cursor, token: next, into: params.after}
        key: id
        incremental: {cursor: at}
        deletes: {request: {path: /deleted, params: {since: "${cursor}"}}, records: gone, key: uid AT}
        fields: {id: {path: id, type: integer}, at: {path: at, type: timestamp}, n: {path: n, type: integer}}
"""
UNDATED, DATED = FEED.replace(" AT", ""), FEED.replace(" AT", ", at: when")


class Killed(BaseException):
    pass


def killing(step: str, nth: int) -> Callable[[str], None]:
    """Return a fault that ends the process when *step* is reached for the *nth* time."""
    reached: list[str] = []

    def fault(name: str) -> None:
        reached.append(name)
        if name == step and reached.count(step) == nth:
            raise Killed

    return fault


def day(number: int) -> str:
    return f"2024-05-{number:02}T00:00:00Z"


class Api:
    """Records by id, two a page; each change and deletion has its day. Deletions stay in the list for ever."""

    def __init__(self) -> None:
        self.records: dict[int, dict[str, Any]] = {}
        self.gone: list[dict[str, Any]] = []
        self.list_answer: Any = None
        self.broken: set[str] = set()

    def put(self, number: int, at: str, n: int = 0) -> None:
        self.records[number] = {"id": number, "at": at, "n": n}

    def delete(self, number: int, at: str) -> None:
        del self.records[number]
        self.gone.append({"uid": number, "when": at})

    def __call__(self, request: httpx.Request) -> Any:
        since, after = request.url.params.get("since", ""), int(request.url.params.get("after", 0))
        if request.url.path in self.broken or f"{request.url.path}?{after}" in self.broken:
            return httpx.Response(400)
        if request.url.path == "/deleted":
            if self.list_answer is not None:
                return self.list_answer
            return {"gone": [entry for entry in self.gone if entry["when"] >= since]}
        found = [record for record in self.records.values() if record["at"] >= since]
        return {"items": found[after : after + 2], "next": after + 2 if found[after + 2 :] else None}


@pytest.fixture
def api(lab: Lab) -> Api:
    """Return an API with three records, which were read."""
    api = Api()
    for number in (1, 2, 3):
        api.put(number, day(number))
    lab.api = api
    return api


def read(lab: Lab, yaml: str) -> None:
    lab.write(yaml)
    assert lab.run().status == "ok"
    lab.requests.clear()


def ids(lab: Lab) -> list[int]:
    return [record["id"] for record in lab.live()]


BOTH = pytest.mark.parametrize("yaml", [UNDATED, DATED], ids=["undated", "dated"])


@BOTH
def test_the_list_is_read_before_the_records(lab: Lab, api: Api, yaml: str) -> None:
    read(lab, yaml)
    api.delete(1, day(4))
    report = lab.run()
    assert (report.status, report.changes.deleted, ids(lab)) == ("ok", 1, [2, 3])
    assert lab.requests == [f"GET /deleted?since={day(3)}", f"GET /events?since={day(3)}"]
    assert lab.run().changes.deleted == 0  # the old entry is listed again, and means nothing new


@BOTH
def test_r33_a_record_that_was_deleted_and_made_again_stays(lab: Lab, api: Api, yaml: str) -> None:
    read(lab, yaml)
    api.delete(1, day(4))
    api.put(1, day(5), n=7)
    for options in ({}, {}, {"full": True}):
        report = lab.run(**options)
        assert (report.status, report.changes.deleted, ids(lab)) == ("ok", 0, [1, 2, 3])
    assert lab.live()[0]["n"] == 7
    assert lab.feed()[-1] == (1, "UPDATED")  # nobody saw it go


@BOTH
def test_r33_a_record_that_is_deleted_and_made_again_after_it_was_deleted_here_comes_back(
    lab: Lab, api: Api, yaml: str
) -> None:
    read(lab, yaml)
    api.delete(1, day(4))
    lab.run()
    api.put(1, day(5))
    api.put(2, day(5))
    assert (lab.run().changes.added, ids(lab)) == (1, [1, 2, 3])
    api.put(3, day(6))
    for _ in range(2):
        assert (lab.run().changes.deleted, ids(lab)) == (0, [1, 2, 3])


def test_r33_a_deletion_that_is_later_than_the_record_wins(lab: Lab, api: Api) -> None:
    read(lab, DATED)
    api.gone.append({"uid": 1, "when": day(5)})
    api.put(1, day(4), n=8)  # the API still lists it, as it was before
    report = lab.run()
    assert (report.status, ids(lab)) == ("ok", [2, 3])
    assert lab.feed()[-1] == (1, "DELETED")


def test_r33_a_deletion_that_is_earlier_than_the_stored_record_changes_nothing(lab: Lab, api: Api) -> None:
    read(lab, DATED.replace(', params: {since: "${cursor}"}}, records: gone', "}, records: gone"))
    api.gone = [{"uid": number, "when": day(2)} for number in (1, 2, 3)]
    assert (lab.run().changes.deleted, ids(lab)) == (1, [2, 3])  # 2 is as new as its deletion


def test_r33_undated_deletions_move_with_the_records(lab: Lab, api: Api) -> None:
    read(lab, UNDATED)
    api.put(4, day(9))
    api.delete(1, day(8))
    lab.run()
    lab.requests.clear()
    lab.run()
    assert lab.requests == [f"GET /deleted?since={day(9)}", f"GET /events?since={day(9)}"]
    assert "deletions" not in lab.checkpoint()


def test_r33_dated_deletions_have_a_cursor_of_their_own(lab: Lab, api: Api) -> None:
    read(lab, DATED)
    api.delete(1, day(8))
    api.put(4, day(9))
    lab.run()
    assert lab.checkpoint()["deletions"] == "2024-05-08T00:00:00.000000Z"
    lab.requests.clear()
    lab.run()
    assert lab.requests == [f"GET /deleted?since={day(8)}", f"GET /events?since={day(9)}"]


BLANK = [None, {}, {"gone": None}, {"message": "try later"}, httpx.Response(204), httpx.Response(200)]


@BOTH
@pytest.mark.parametrize("answer", BLANK[1:], ids=["{}", "null list", "message", "204", "empty"])
def test_r33_a_blank_answer_moves_nothing(lab: Lab, api: Api, yaml: str, answer: Any) -> None:
    read(lab, yaml)
    api.delete(1, day(4))
    api.put(4, day(9))
    api.list_answer = answer
    report = lab.run()
    assert (report.status, report.changes.added, ids(lab)) == ("incomplete", 1, [1, 2, 3, 4])
    assert report.message.startswith("deletes.request asks for the list of deletions, but page 1 is missing")
    api.list_answer = None
    assert (lab.run().changes.deleted, ids(lab)) == (1, [2, 3, 4])


@BOTH
def test_r33_a_list_that_fails_loses_nothing(lab: Lab, api: Api, yaml: str) -> None:
    read(lab, yaml)
    api.delete(1, day(4))
    api.put(4, day(9))
    api.broken = {"/deleted"}
    report = lab.run()
    assert (report.status, ids(lab)) == ("failed", [1, 2, 3, 4])
    assert lab.checkpoint()["cursor"] == (
        "2024-05-03T00:00:00.000000Z" if yaml is UNDATED else "2024-05-09T00:00:00.000000Z"
    )
    api.broken = set()
    assert (lab.run().changes.deleted, ids(lab)) == (1, [2, 3, 4])


@BOTH
def test_r33_an_entry_that_cannot_be_read_holds_the_list(lab: Lab, api: Api, yaml: str) -> None:
    read(lab, yaml)
    api.delete(1, day(4))
    api.gone.append({"uid": "one", "when": day(5)})
    api.put(4, day(9))
    report = lab.run()
    assert (report.status, ids(lab)) == ("incomplete", [2, 3, 4])
    assert report.message == "deletes.request: 1 entry cannot be read, and will be asked for again"
    assert report.changes.quarantined == 1
    lab.requests.clear()
    lab.run()
    assert lab.requests[0] == f"GET /deleted?since={day(3)}"


STEPS = ["page", "sealed", "staged", "committed", "settled"]


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("commit_rows", [1, 1000])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("step", STEPS)
def test_r33_a_run_that_is_killed_anywhere_ends_like_one_that_is_not(
    lab: Lab, api: Api, yaml: str, commit_rows: int, nth: int, step: str
) -> None:
    read(lab, yaml)
    for number in (4, 5, 6):
        api.put(number, day(number))
    api.delete(1, day(6))
    api.delete(2, day(6))
    api.put(2, day(7))
    try:
        lab.run(commit_rows=commit_rows, fault=killing(step, nth))
    except Killed:
        assert 2 in ids(lab)
        assert lab.run(commit_rows=commit_rows).status == "ok"
    assert ids(lab) == [2, 3, 4, 5, 6]
    lab.run()
    assert ids(lab) == [2, 3, 4, 5, 6]


def test_r33_a_record_that_was_read_before_the_crash_is_not_deleted_after_it(lab: Lab, api: Api) -> None:
    read(lab, UNDATED)
    api.delete(1, day(4))
    api.put(1, day(4))
    for number in (4, 5, 6):
        api.put(number, day(number))
    api.records = {1: api.records.pop(1), **api.records}  # on the first page, which is read and stored
    with pytest.raises(Killed):
        lab.run(commit_rows=1, fault=killing("settled", 2))
    assert lab.run().status == "ok"
    assert ids(lab) == [1, 2, 3, 4, 5, 6]


@BOTH
def test_r33_commits_in_between_show_no_record_as_deleted_that_is_there(
    lab: Lab, api: Api, yaml: str
) -> None:
    read(lab, yaml)
    for number in (4, 5):
        api.put(number, day(number))
    api.delete(1, day(4))
    api.put(1, day(6))  # the last of all
    lab.run(commit_rows=1)
    assert ids(lab) == [1, 2, 3, 4, 5]
    assert (1, "UPDATED") in lab.feed()
    assert lab.rows("SELECT count(*) FROM syncrun.told") == [(0,)]


@BOTH
def test_r33_a_dry_run_says_the_same(lab: Lab, api: Api, yaml: str) -> None:
    read(lab, yaml)
    api.delete(1, day(4))
    api.delete(2, day(4))
    api.put(2, day(5))
    told = lab.dry_run().preview
    done = lab.run()
    assert told.changes.deleted == done.changes.deleted == 1
    assert [(r.action, r.id) for r in told.records] == [("UPDATED", "[2]"), ("DELETED", "[1]")]


@BOTH
def test_r33_changes_that_come_newest_first_agree(lab: Lab, api: Api, yaml: str) -> None:
    read(lab, yaml.replace("{cursor: at}", "{cursor: at, order: descending}"))
    api.delete(1, day(4))
    api.delete(2, day(4))
    api.put(2, day(5), n=5)
    lab.run(commit_rows=1)
    assert [(record["id"], record["n"]) for record in lab.live()] == [(2, 5), (3, 0)]


PARTS = """
    syncs:
      boards: {request: /boards, pagination: none, key: id, fields: [id]}
      cards:
        for_each: {sync: boards, as: board}
        request: {path: "/boards/${board.id}", params: {since: "${cursor}"}}
        pagination: none
        key: id
        incremental: {cursor: at}
        deletes: {request: {path: "/deleted", params: {since: "${cursor}"}}, key: uid AT}
        fields: {id: {path: id, type: integer}, at: {path: at, type: timestamp}}
"""


@pytest.mark.parametrize("yaml", [PARTS.replace(" AT", ""), PARTS.replace(" AT", ", at: when")])
def test_r33_a_list_speaks_of_its_own_partition(lab: Lab, yaml: str) -> None:
    boards = {"a": [{"id": 1, "at": day(1)}, {"id": 2, "at": day(1)}], "b": [{"id": 3, "at": day(2)}]}
    gone: list[Any] = []

    def api(request: httpx.Request) -> Any:
        name = request.url.path.rpartition("/")[2]
        if name == "boards":
            return [{"id": board} for board in boards]
        since = request.url.params.get("since", "")
        if name == "deleted":
            return [entry for entry in gone if entry["when"] >= since]
        return [card for card in boards[name] if card["at"] >= since]

    lab.write(yaml)
    lab.api = api
    lab.run("boards")
    lab.run("cards")
    boards["a"].pop()  # 2 is gone, 1 moves to the other board
    boards["b"].append({**boards["a"].pop(), "at": day(4)})
    gone += [{"uid": 1, "when": day(3)}, {"uid": 2, "when": day(3)}]
    assert lab.run("cards", commit_rows=1).status == "ok"
    assert sorted(card["id"] for card in lab.live("cards")) == [1, 3]
    lab.run("cards", full=True)
    assert sorted(card["id"] for card in lab.live("cards")) == [1, 3]


def test_r33_a_look_at_the_beginning_asks_for_no_deletions(lab: Lab, api: Api) -> None:
    read(lab, UNDATED)
    api.delete(1, day(4))
    assert (lab.run(limit=1).status, ids(lab)) == ("ok", [1, 2, 3])
    assert lab.requests == [f"GET /events?since={day(3)}"]


def test_what_an_earlier_version_left_of_a_list_is_read_again(lab: Lab, api: Api, tmp_path: Path) -> None:
    read(lab, UNDATED)
    saved = lab.checkpoint()
    saved["resume"] = {"mode": "incremental", "page": {"number": 0}, "definition": "x", "listed": True}
    import json

    from syncrun.stores.values.ids import SyncId

    lab.store.save_checkpoints(SyncId("acme", "lab", "events"), {"": json.dumps(saved)}, lab.clock.now())
    api.delete(1, day(4))
    assert (lab.run().changes.deleted, ids(lab)) == (1, [2, 3])


@pytest.mark.parametrize("order", ["unknown", "ascending"])
@pytest.mark.parametrize("at", ["", ", at: at"])
def test_r13_what_is_deleted_after_the_list_was_read_is_not_behind_the_cursor(
    lab: Lab, order: str, at: str
) -> None:
    lab.write(f"""
        syncs:
          items:
            request: {{path: /items, params: {{since: "${{cursor}}"}}}}
            records: items
            pagination: {{type: cursor, token: next, into: params.after}}
            key: id
            incremental: {{cursor: at, order: {order}}}
            deletes: {{request: {{path: /gone, params: {{since: "${{cursor}}"}}}}, records: items{at}}}
            fields: {{id: {{path: id, type: integer}}, at: {{path: at, type: integer}}}}
    """)
    versions = {number: number for number in range(1, 6)}
    gone: list[dict[str, int]] = []

    def api(request: httpx.Request) -> Any:
        since, after = int(request.url.params.get("since", 0)), int(request.url.params.get("after", 0))
        if request.url.path == "/gone":
            return {"items": [entry for entry in gone if entry["at"] >= since]}
        if after and since and 1 in versions:  # while the records are read
            gone.append({"id": 1, "at": 8})
            del versions[1]
            versions[9] = 9
        found = [{"id": n, "at": at} for n, at in sorted(versions.items()) if at >= since]
        return {"items": found[after : after + 2], "next": after + 2 if found[after + 2 :] else None}

    lab.api = api
    lab.run()
    versions |= {6: 6, 7: 7}
    assert (lab.run().status, ids(lab)) == ("ok", [1, 2, 3, 4, 5, 6, 7, 9])
    assert (lab.run().changes.deleted, ids(lab)) == (1, [2, 3, 4, 5, 6, 7, 9])
