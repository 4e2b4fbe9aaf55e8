"""What is synced while the process is killed: connectors, and the API before and after things have changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from textwrap import dedent
from typing import Any

from tests.api import Answer, Received

SIZE = 2
Records = list[dict[str, Any]]


def day(number: int) -> str:
    return f"2024-05-{number:02d}T00:00:00Z"


def item(number: int, *, version: int = 0, at: int | None = None) -> dict[str, Any]:
    """Return the record *number*, changed on the day *at*."""
    return {"id": number, "name": f"{number} v{version}", "at": day(number if at is None else at)}


BEFORE = [item(n) for n in range(1, 9)]
# 2 and 7 are gone, 3 and 6 have changed, 9 and 10 are new
AFTER = [item(1), item(3, version=1), *map(item, (4, 5)), item(6, version=1), *map(item, (8, 9, 10))]


def numbered(records: Records) -> Callable[[Received], Answer]:
    """An API with `page` and `size`."""

    def answer(request: Received) -> Answer:
        page = int(request.params.get("page", 1))
        return Answer(json=records[(page - 1) * SIZE : page * SIZE])

    return answer


def linked(records: Records) -> Callable[[Received], Answer]:
    """An API that names the next page in its answer, as an offset that only it understands."""

    def answer(request: Received) -> Answer:
        start = int(request.params.get("cursor", "k0")[1:])
        following = f"k{start + SIZE}" if start + SIZE < len(records) else None
        return Answer(json={"data": records[start : start + SIZE], "next_cursor": following})

    return answer


def changed_since(records: Records) -> Callable[[Received], Answer]:
    """An API that gives what changed at `since` or later, in pages."""

    def answer(request: Received) -> Answer:
        since = request.params.get("since", "")
        return numbered([record for record in records if record["at"] >= since])(request)

    return answer


def by_place(lists: Mapping[str, Records]) -> Callable[[Received], Answer]:
    """An API with a list of records for each place."""

    def answer(request: Received) -> Answer:
        return numbered(lists[request.path.split("/")[-2]])(request)

    return answer


@dataclass(frozen=True)
class Scenario:
    """One sync; *before* is what the database knows already (None: it is not there yet), *after* the API now.

    *events* counts the changes between the two, *live* are the records in the end,
    *cursor* is the checkpoint's. *steps* are those to be killed at. The next run *goes_on* at the "page"
    after those that are committed, from the "cursor" that they reached, or from the "first page". Where pages
    are numbered, a run that goes on leaves it to another one to find what vanished.
    """

    name: str
    yaml: str
    before: Callable[[Received], Answer] | None
    after: Callable[[Received], Answer]
    live: Records
    events: int
    commit_rows: int
    steps: tuple[str, ...] = ("page", "staged", "store.committed")
    cursor: str | None = None
    goes_on: str = "page"

    @property
    def connector(self) -> str:
        """The text of the connector file."""
        head = 'connector: lab\nversion: 1.0.0\nverify: false\nconfig:\n  url: {type: string}\nbase_url: "${config.url}"\n'
        return head + dedent(self.yaml)


FULL = """
    syncs:
      items:
        request: /items
        pagination: {type: page, size: 2, size_param: size}
        key: id
        fields: {id: {path: id, type: integer}, name: name}
"""
LINKED = """
    syncs:
      items:
        request: /items
        records: data
        pagination: {type: cursor, token: next_cursor, into: params.cursor}
        key: id
        fields: {id: {path: id, type: integer}, name: name}
"""
KEYLESS = """
    syncs:
      items:
        request: /items
        pagination: {type: page, size: 2, size_param: size}
        fields: {name: name}
"""
CHANGES = """
    syncs:
      items:
        request: {path: /items, params: {since: "${cursor}"}}
        pagination: {type: page, size: 2, size_param: size}
        key: id
        fields: {id: {path: id, type: integer}, name: name, at: {path: at, type: timestamp}}
        incremental: {cursor: at, order: ORDER}
"""
PLACES = """
    syncs:
      items:
        for_each: {values: [north, south, west], as: place}
        request: "/${place}/items"
        pagination: {type: page, size: 2, size_param: size}
        key: [place, id]
        fields: {place: "${place}", id: {path: id, type: integer}, name: name}
"""

EQUAL = [{"name": name} for name in "abacabad"]  # `a` is on every page
MOVED = [*BEFORE, item(9, at=18), item(10, at=21), item(11, at=19), item(12, at=19)]
MOVED[2], MOVED[5] = item(3, version=1, at=20), item(6, version=1, at=19)
KEPT = [record for record in MOVED if record["id"] not in (2, 7)]
LISTS_BEFORE = {"north": [item(1), item(2), item(3)], "south": [item(1), item(2)], "west": [item(1), item(2)]}
LISTS_AFTER = {
    "north": [item(1, version=1), item(3), item(4)],
    "south": [item(1), item(2)],
    "west": [item(1), item(2), item(3)],
}
ALL_STEPS = (
    *("page", "sealed", "staged", "committed", "settled"),
    *("store.deletes", "store.state", "store.committed"),
)


def _changes(order: str, deletes: str = "") -> str:
    return CHANGES.replace("ORDER", order) + (f"        deletes: {deletes}\n" if deletes else "")


def _by_time(records: Records) -> Records:
    return sorted(records, key=lambda record: (record["at"], record["id"]))


_FULL = Scenario("full", FULL, numbered(BEFORE), numbered(AFTER), AFTER, 6, 3)
_CHANGES = Scenario(
    "changes",
    _changes("unknown"),
    changed_since(BEFORE),
    changed_since(MOVED),
    MOVED,
    6,
    commit_rows=3,
    cursor="2024-05-21T00:00:00.000000Z",
)
SCENARIOS = [
    _FULL,
    replace(_FULL, name="first", before=None, events=8, commit_rows=4),
    replace(_FULL, name="tokens", yaml=LINKED, before=linked(BEFORE), after=linked(AFTER), steps=ALL_STEPS),
    Scenario("keyless", KEYLESS, None, numbered(EQUAL), EQUAL, 8, 3, goes_on="first page"),
    Scenario(
        "places",
        PLACES,
        by_place(LISTS_BEFORE),
        by_place(LISTS_AFTER),
        [*LISTS_AFTER["north"], *LISTS_AFTER["south"], *LISTS_AFTER["west"]],
        4,
        3,
    ),
    _CHANGES,
    replace(
        _CHANGES,
        name="ascending changes",
        yaml=_changes("ascending"),
        before=changed_since(_by_time(BEFORE)),
        after=changed_since(_by_time(MOVED)),
        goes_on="cursor",
    ),
    replace(
        _CHANGES,
        name="changes, snapshot due",
        yaml=_changes("unknown", "{snapshot: {every: 1ms}}"),
        after=changed_since(KEPT),
        live=KEPT,
        events=8,
    ),
]
