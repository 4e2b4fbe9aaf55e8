"""Parents that leave, and partitions that fail: whose children are deleted, and whose stay."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from syncrun.config.partitions import PartitionSource
from syncrun.engine.leaving import leaving
from tests.lab import Lab

ROOMS = """
    syncs:
      rooms:
        request: /rooms
        pagination: none
        key: id
        fields: {id: id, open: open}
      messages:
        for_each: {sync: rooms, as: room, where: open}
        request: "/rooms/${room.id}"
        pagination: none
        key: id
        fields: {id: id, room: "${room.id}"}
"""
CHANGES = ROOMS.replace(
    'request: "/rooms/${room.id}"',
    'request: {path: "/rooms/${room.id}", params: {since: "${cursor}"}}\n'
    "        incremental: {cursor: at}\n        deletes: {snapshot: {every: 7d}}",
).replace("fields: {id: id, room", "fields: {id: id, at: {path: at, type: integer}, room")


class Chat:
    """Rooms with messages; *status* makes the reading of a room fail."""

    def __init__(self, rooms: int = 3, messages: int = 100) -> None:
        self.rooms = dict.fromkeys("abcdefghij"[:rooms], True)
        self.messages = {name: [f"{name}{n}" for n in range(messages)] for name in self.rooms}
        self.status: dict[str, int] = {}

    def __call__(self, request: httpx.Request) -> Any:
        name = request.url.path.removeprefix("/rooms").strip("/")
        if not name:
            return [{"id": room, "open": is_open} for room, is_open in self.rooms.items()]
        if name in self.status:
            return httpx.Response(self.status[name])
        return [{"id": message, "at": 1} for message in self.messages[name]]


def started(lab: Lab, yaml: str, **numbers: int) -> Chat:
    lab.write(yaml)
    chat = lab.api = Chat(**numbers)
    again(lab)
    return chat


def again(lab: Lab, **options: Any) -> Any:
    assert lab.run("rooms", accept_deletes=True).status == "ok"
    return lab.run("messages", **options)


def rooms(lab: Lab) -> dict[str, int]:
    return dict(lab.rows("SELECT room, count(*) FROM lab.messages GROUP BY room ORDER BY room"))


@pytest.mark.parametrize("yaml", [ROOMS, CHANGES])
def test_r09_a_parent_that_leaves_by_where_keeps_its_children(lab: Lab, yaml: str) -> None:
    chat = started(lab, yaml)
    chat.rooms = {"a": True, "b": False, "c": False}
    report = again(lab)
    assert (report.status, report.changes.deleted) == ("ok", 0)
    assert rooms(lab) == {"a": 100, "b": 100, "c": 100}
    chat.rooms = dict.fromkeys("abc", False)
    assert (again(lab).status, rooms(lab)) == ("ok", {"a": 100, "b": 100, "c": 100})


@pytest.mark.parametrize("yaml", [ROOMS, CHANGES])
def test_r09_on_leave_delete_deletes_the_children_of_a_parent_that_leaves_by_where(
    lab: Lab, yaml: str
) -> None:
    chat = started(lab, yaml.replace("where: open", "where: open, on_leave: delete"))
    chat.rooms["b"] = False
    report = again(lab)
    assert (report.status, report.changes.deleted) == ("ok", 100)
    assert rooms(lab) == {"a": 100, "c": 100}
    assert report.notes == ("100 of 300 live records were no longer there and were deleted: more than 10%",)


@pytest.mark.parametrize("yaml", [ROOMS, CHANGES])
@pytest.mark.parametrize("leave", ["is closed", "is deleted"])
def test_r10_the_guard_judges_the_children_of_parents_that_leave(lab: Lab, yaml: str, leave: str) -> None:
    chat = started(lab, yaml.replace("where: open", "where: open, on_leave: delete"))
    chat.rooms = dict.fromkeys("abc", False) if leave == "is closed" else {}
    lab.write(
        lab.file.read_text(encoding="utf-8").replace("/rooms\n", "/rooms\n    deletes: {allow_empty: true}\n")
    )
    report = again(lab)
    assert (report.status, report.changes.deleted) == ("incomplete", 0)
    assert report.message == "the result was empty, which would delete 300 live records: nothing was deleted"
    assert report.hint == "`run --accept-deletes` deletes them all the same"
    assert again(lab, accept_deletes=True).changes.deleted == 300
    assert again(lab).status == "ok"


@pytest.mark.parametrize("yaml", [ROOMS, CHANGES])
def test_r10_the_guard_judges_the_children_of_most_parents(lab: Lab, yaml: str) -> None:
    chat = started(lab, yaml)
    chat.rooms = {"a": True}
    report = again(lab)
    assert (report.status, report.changes.deleted) == ("incomplete", 0)
    assert report.message.startswith("200 of 300 live records would have been deleted, more than 50%")


def test_r10_a_tighter_guard_judges_the_sum(lab: Lab) -> None:
    yaml = ROOMS.replace(
        "key: id\n        fields: {id: id, room",
        "key: id\n        deletes: {max_ratio: 0.1}\n        fields: {id: id, room",
    )
    chat = started(lab, yaml, rooms=10)
    del chat.rooms["j"]
    chat.messages["a"].pop()  # 101 of 1000
    report = again(lab)
    assert (report.status, report.changes.deleted) == ("incomplete", 0)
    chat.messages["a"].append("a99")
    assert again(lab).changes.deleted == 100


@pytest.mark.parametrize("status", [403, 500])
def test_r07_a_record_that_moved_to_a_partition_that_failed_stays(lab: Lab, status: int) -> None:
    chat = started(lab, ROOMS, messages=3)
    chat.messages["b"].append(chat.messages["a"].pop())
    chat.status["b"] = status
    report = again(lab)
    assert (report.status, report.changes.deleted, sum(rooms(lab).values())) == ("incomplete", 0, 9)
    chat.status.clear()
    assert (again(lab).status, rooms(lab)) == ("ok", {"a": 2, "b": 4, "c": 3})


def test_r07_the_children_of_a_vanished_parent_stay_while_a_partition_fails(lab: Lab) -> None:
    chat = started(lab, ROOMS, messages=3)
    chat.messages["b"] += chat.messages["c"]
    del chat.rooms["c"]
    chat.status["b"] = 403
    assert (again(lab).changes.deleted, sum(rooms(lab).values())) == (0, 9)
    chat.status.clear()
    assert (again(lab).changes.deleted, rooms(lab)) == (0, {"a": 3, "b": 6})


def test_r09_where_the_key_names_the_partition_a_failed_one_keeps_only_its_own(lab: Lab) -> None:
    chat = started(
        lab,
        ROOMS.replace(
            "key: id\n        fields: {id: id, room", "key: [room, id]\n        fields: {id: id, room"
        ),
        messages=3,
    )
    chat.messages["a"].pop()
    chat.status["b"] = 403
    report = again(lab)
    assert (report.status, report.changes.deleted) == ("incomplete", 1)
    assert rooms(lab) == {"a": 2, "b": 3, "c": 3}


def test_r09_changed_only_deletes_the_children_of_vanished_parents(lab: Lab) -> None:
    chat = started(lab, ROOMS.replace("where: open", "changed_only: true"), messages=30)
    del chat.rooms["c"]
    report = again(lab)
    assert (report.status, report.changes.deleted, rooms(lab)) == ("ok", 30, {"a": 30, "b": 30})
    assert again(lab).status == "ok"


def test_r10_changed_only_with_all_parents_gone_is_refused_until_accepted(lab: Lab) -> None:
    chat = started(lab, ROOMS.replace("where: open", "changed_only: true"), messages=30)
    lab.write(
        lab.file.read_text(encoding="utf-8").replace(
            "/rooms\n", "/rooms\n    deletes: {allow_empty: true}\n", 1
        )
    )
    chat.rooms = {}
    assert again(lab).status == "incomplete"
    assert again(lab, accept_deletes=True).changes.deleted == 90
    assert again(lab).status == "ok"


PAGED = ROOMS.replace(
    'request: "/rooms/${room.id}"\n        pagination: none',
    'request: "/rooms/${room.id}"\n        pagination: {type: page}',
)


def test_r32_a_record_that_is_missing_is_looked_for_although_its_parent_has_not_changed(lab: Lab) -> None:
    lab.write(PAGED.replace("where: open", "changed_only: true"))
    chat = Chat(messages=25)

    def api(request: httpx.Request) -> Any:
        found, page = chat(request), int(request.url.params.get("page", 1))
        return found if request.url.path == "/rooms" else found[(page - 1) * 10 :][:10]

    lab.api = api
    again(lab)
    chat.messages["a"].pop(3)
    chat.rooms["a"] = False  # a change, which `where` does not look at
    assert again(lab).changes.missing == 1
    lab.requests.clear()
    report = again(lab)
    assert (report.changes.deleted, report.changes.missing) == (1, 0)
    assert {request.partition("?")[0] for request in lab.requests} == {"GET /rooms", "GET /rooms/a"}


def test_batches_shift_when_a_parent_goes_and_only_its_children_go(lab: Lab) -> None:
    lab.write("""
        syncs:
          users:
            request: /users
            pagination: none
            key: id
            fields: {id: {path: id, type: integer}, on: on}
          posts:
            for_each: {sync: users, as: users, batch: 2, where: on}
            request: {path: /posts, params: {of: "${users[].id}"}}
            pagination: none
            key: id
            fields: {id: {path: id, type: integer}}
    """)
    users = {1: True, 2: True, 3: True, 4: True, 5: True}

    def api(request: httpx.Request) -> Any:
        if request.url.path == "/users":
            return [{"id": number, "on": on} for number, on in users.items()]
        return [{"id": int(number)} for number in request.url.params.get_list("of")]

    lab.api = api
    lab.run("users"), lab.run("posts")
    del users[2]
    lab.run("users")
    assert (lab.run("posts").changes.deleted, [post["id"] for post in lab.live("posts")]) == (1, [1, 3, 4, 5])
    users[3] = False
    lab.run("users")
    assert (lab.run("posts").changes.deleted, [post["id"] for post in lab.live("posts")]) == (0, [1, 3, 4, 5])


# ── the decision, as a table ───────────────────────────────────────────────────────────────────────

LIVE = {"rooms": [("[1]", {"open": True}), ("[2]", {"open": False})], "more": [('["x"]', {"open": True})]}
DELETED = {"rooms": {"[3]"}, "more": {'["y"]'}}


def source(**keys: Any) -> PartitionSource:
    return PartitionSource.model_validate(keys)


ROOM = {"sync": "rooms", "where": "open"}


@pytest.mark.parametrize(
    ("sources", "partition", "kind"),
    [
        ([ROOM], "[2]", ""),
        ([{**ROOM, "on_leave": "delete"}], "[2]", "gone"),
        ([ROOM], "[3]", "gone"),
        ([ROOM], "[9]", ""),  # never heard of
        ([ROOM], "", "regrouped"),  # from before there was a for_each
        ([{"values": [1]}], "[5]", "unlisted"),
        ([{"values": [1, 2], "where": "@ > `1`"}], "[1]", ""),
        ([{"values": [], "else": ROOM}], "[2]", ""),
        ([{"values": [7], "else": ROOM}], "[1]", "unlisted"),
        ([{"union": [ROOM, {"sync": "more"}]}], "[2]", ""),
        ([{"union": [ROOM, {"sync": "more"}]}], '["y"]', "gone"),
        ([{"union": [ROOM, {"values": [1]}]}], "[3]", "unlisted"),
        ([{"union": [{"sync": "rooms"}, {"sync": "more"}], "where": "open"}], "[2]", ""),
        ([ROOM, {"sync": "more"}], '[1]["y"]', "gone"),
        ([ROOM, {"sync": "more"}], '[2]["x"]', ""),
        ([ROOM, {"sync": "more"}], '[2]["y"]', "gone"),
        ([{**ROOM, "batch": 2}], '["[3]"]', "gone"),
        ([{**ROOM, "batch": 2}], '["[1]", "[3]"]', "regrouped"),
        ([{**ROOM, "batch": 2}], '["[1]", "[2]"]', ""),
        ([{**ROOM, "batch": 2, "on_leave": "delete"}], '["[1]", "[2]"]', "regrouped"),
    ],
)
def test_r09_what_became_of_a_partition(sources: list[dict[str, Any]], partition: str, kind: str) -> None:
    found = leaving(
        [source(**keys) for keys in sources],
        frozenset({partition}),
        parents=lambda name: iter({"_id": i, "_seq": 1, **fields} for i, fields in LIVE[name]),
        deleted=lambda name: frozenset(DELETED[name]),
        context={},
    )
    kinds = {"gone": found.gone, "unlisted": found.unlisted, "regrouped": found.regrouped}
    assert [name for name, members in kinds.items() if members] == ([kind] if kind else [])
