"""Lists that change while they are read: the cursor never passes what a read can have missed (R13)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from tests.lab import Lab

TOKENS = "{type: cursor, token: next, into: params.after}"
NUMBERS = "{type: page, size: 1}"


def sync(kind: str, pagination: str = TOKENS, incremental: str = "cursor: at", more: str = "") -> str:
    return f"""
        syncs:
          items:
            request: {{path: /items, params: {{since: "${{cursor}}"}}}}
            records: items
            pagination: {pagination}
            key: id
            fields: {{id: {{path: id, type: integer}}, v: v, at: {{path: at, type: {kind}}}}}
            incremental: {{{incremental}}}
            {more}
    """


class Living:
    """An API with one record a page, which changes at given requests before it answers them.

    Its clock is *behind* ours by so many seconds, and its times are whole multiples of *grain* seconds.
    """

    def __init__(self, lab: Lab, kind: str = "timestamp", *, behind: float = 0, grain: float = 1) -> None:
        self.lab, self.kind, self.behind, self.grain = lab, kind, behind, grain
        self.items: dict[int, dict[str, Any]] = {}
        self.versions = self.asked = 0
        self.dated, self.total = True, False
        self.order = "id"
        self.then: dict[int, Callable[[], None]] = {}

    @property
    def now(self) -> datetime:
        return self.lab.clock.time - timedelta(seconds=self.behind)

    @property
    def stamp(self) -> Any:
        if self.kind == "integer":
            return self.versions
        if self.kind == "date":
            return self.now.date().isoformat()
        seconds = self.now.timestamp() // self.grain * self.grain
        return datetime.fromtimestamp(seconds, self.now.tzinfo).isoformat().replace("+00:00", "Z")

    def change(self, number: int, after: float = 0) -> None:
        """Change a record, some seconds after what happened before."""
        self.lab.clock.advance(seconds=after)
        self.versions += 1
        version = self.items.get(number, {"v": 0})["v"] + 1
        self.items[number] = {"id": number, "v": version, "at": self.stamp}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        self.then.pop(self.asked, lambda: None)()
        query = request.url.params
        since = query.get("since")
        known = [i for i in self.items.values() if since is None or i["at"] >= type(i["at"])(since)]
        known.sort(key=lambda item: (item[self.order], item["id"]))
        body: dict[str, Any] = {"total": len(known)} if self.total else {}
        if "page" in query:
            body["items"] = known[int(query["page"]) - 1 :][:1]
        else:
            left = [item for item in known if item["id"] > int(query.get("after", 0))]
            body |= {"items": left[:1], "next": left[0]["id"] if len(left) > 1 else None}
        headers = {"date": format_datetime(self.now, usegmt=True)} if self.dated else {}
        return httpx.Response(200, json=body, headers=headers)


def stored(lab: Lab) -> dict[int, int]:
    return {row["id"]: row["v"] for row in lab.live()}


def truth(api: Living) -> dict[int, int]:
    return {number: item["v"] for number, item in api.items.items()}


def runs(lab: Lab, count: int = 3) -> None:
    """Run some times while nothing changes any more."""
    for _ in range(count):
        assert lab.run().status == "ok"
        lab.clock.advance(minutes=1)


def begin(lab: Lab, api: Living, count: int = 3) -> None:
    lab.api = api
    for number in range(1, count + 1):
        api.change(number)
    lab.clock.advance(hours=1)
    runs(lab)
    api.asked = 0
    lab.requests.clear()


@pytest.mark.parametrize("behind", [0, 3, -3, 3600])
@pytest.mark.parametrize("grain", [0.000001, 1, 60, 300, 86400])
def test_r13_what_changes_on_a_page_that_was_read_is_read_by_a_later_run(
    lab: Lab, behind: float, grain: float
) -> None:
    lab.write(sync("timestamp"))
    api = Living(lab, behind=behind, grain=grain)
    begin(lab, api)
    for number in (1, 2, 3):
        api.change(number)
    api.then = {2: lambda: api.change(1, after=0.2), 3: lambda: api.change(3, after=0.3)}
    runs(lab)
    assert stored(lab) == truth(api)
    lab.requests.clear()
    lab.clock.advance(days=2)
    runs(lab, 2)  # and when nothing changes, no more than the newest is read again
    cursors = {request.partition("since=")[2].partition("&")[0] for request in lab.requests}
    assert cursors == {lab.requests[0].partition("since=")[2].partition("&")[0]}


@pytest.mark.parametrize("kind", ["integer", "date"])
@pytest.mark.parametrize("pagination", [TOKENS, NUMBERS])
def test_r13_so_are_versions_and_days(lab: Lab, kind: str, pagination: str) -> None:
    lab.write(sync(kind, pagination))
    api = Living(lab, kind)
    begin(lab, api)
    for number in (2, 3):
        api.change(number)
    api.then = {2: lambda: api.change(2, after=1), 3: lambda: api.change(3, after=1)}
    runs(lab)
    assert stored(lab) == truth(api)


def test_r13_a_day_that_has_not_begun_everywhere_is_read_again(lab: Lab) -> None:
    """The API counts days by its own zone: its yesterday may go on when the day after has been seen."""
    lab.write(sync("date"))
    api = Living(lab, "date", behind=8 * 3600)
    api.dated = False  # its clock is right, its days begin eight hours later
    begin(lab, api)
    lab.clock.time = lab.clock.time.replace(day=2, hour=7, minute=59, second=30)
    api.then = {2: lambda: api.change(1), 3: lambda: api.change(3, after=60)}
    runs(lab)
    assert stored(lab) == truth(api)


def test_r13_the_greatest_version_of_an_unordered_list_is_reached_with_the_next_read(lab: Lab) -> None:
    lab.write(sync("integer"))
    api = Living(lab, "integer")
    begin(lab, api)
    for number in (1, 2, 3):
        api.change(number)
    lab.run()
    # what the first page shows is of one moment, at which the second and the third had theirs
    assert (lab.checkpoint()["cursor"], lab.checkpoint()["reached"]) == (4, 6)
    lab.run()
    assert (lab.checkpoint()["cursor"], lab.checkpoint().get("reached")) == (6, None)


@pytest.mark.parametrize(
    ("incremental", "count"),
    [("cursor: at, order: ascending", 3), ("cursor: at", 1)],
    ids=["ordered", "one page"],
)
def test_r13_an_ordered_list_or_a_single_answer_moves_the_cursor_at_once(
    lab: Lab, incremental: str, count: int
) -> None:
    lab.write(sync("integer", incremental=incremental))
    lab.api = api = Living(lab, "integer")
    api.order = "at"
    for number in range(1, count + 1):
        api.change(number)
    lab.run()
    assert lab.checkpoint()["cursor"] == count


def test_r13_an_order_that_is_only_seen_is_not_believed(lab: Lab) -> None:
    """A list in the order of creation looks ordered by the time of change, until something changes."""
    lab.write(sync("integer"))
    lab.api = api = Living(lab, "integer")
    for number in (1, 2, 3):
        api.change(number)
    api.then = {2: lambda: api.change(1), 3: lambda: api.change(3)}
    runs(lab)
    assert stored(lab) == truth(api)


@pytest.mark.parametrize("date", [None, "soon", "Sat, 01 Jan 2000 00:00:00 GMT"])
def test_r13_without_a_clock_of_the_api_ours_counts(lab: Lab, date: str | None) -> None:
    lab.write(sync("timestamp"))
    headers = {} if date is None else {"date": date}
    body = {"items": [{"id": 1, "v": 1, "at": "2024-06-01T18:00:00.5Z"}]}
    lab.api = lambda _: httpx.Response(200, json=body, headers=headers)
    lab.run()
    assert "2024-06-01T12:00:00" < lab.checkpoint()["cursor"] < "2024-06-01T12:00:30"


def test_r13_the_clock_of_the_api_counts_from_when_it_was_asked(lab: Lab) -> None:
    lab.write(sync("timestamp"))
    body = {"items": [{"id": 1, "v": 1, "at": "2024-06-01T18:00:00.5Z"}]}

    def api(_: httpx.Request) -> httpx.Response:
        lab.clock.advance(seconds=20)  # it answers slowly
        return httpx.Response(200, json=body, headers={"date": "Sat, 01 Jun 2024 10:00:30 GMT"})

    lab.api = api
    lab.run()
    assert "2024-06-01T10:00:00" < lab.checkpoint()["cursor"] < "2024-06-01T10:00:10"


MOVED = "records changed while it was read"


def test_r13_numbered_pages_of_a_list_that_moved_are_read_once_more(lab: Lab) -> None:
    """The first record moves to the end when it changes, and the third one to the second page, which was read."""
    lab.write(sync("timestamp", NUMBERS, "cursor: at, order: ascending"))
    api = Living(lab, grain=0.000001)
    api.order = "at"
    begin(lab, api)
    for number in (1, 2, 3, 4):
        api.change(number, after=60)
    lab.clock.advance(seconds=60)
    before = lab.checkpoint()["cursor"]
    api.then = {3: lambda: api.change(1, after=1)}
    report = lab.run()
    assert (report.status, lab.checkpoint()["cursor"]) == ("ok", before)
    assert any(MOVED in note for note in report.notes)
    runs(lab)
    assert stored(lab) == truth(api)


def test_r13_an_interrupted_read_remembers_when_it_began(lab: Lab) -> None:
    lab.write(sync("timestamp"))
    api = Living(lab)
    begin(lab, api)
    for number in (1, 2, 3):
        api.change(number)
    lab.clock.advance(minutes=1)

    def fails() -> None:
        raise httpx.ConnectError("down")

    api.then = dict.fromkeys(range(2, 30), fails)
    assert lab.run().status == "failed"
    api.then = {
        api.asked + 1: lambda: api.change(1, after=600),
        api.asked + 2: lambda: api.change(3, after=600),
    }
    runs(lab)
    assert stored(lab) == truth(api)


def test_r13_numbered_pages_whose_total_falls_are_read_once_more(lab: Lab) -> None:
    """The first record is gone, so that the third one is on the second page, which was read."""
    lab.write(sync("timestamp", "{type: page, size: 1, total: total}"))
    api = Living(lab)
    api.total = True
    begin(lab, api, count=4)
    for number in (1, 2, 3, 4):
        api.change(number)
    lab.clock.advance(minutes=5)
    before = lab.checkpoint()["cursor"]
    api.then = {3: lambda: api.items.pop(1)}  # type: ignore[dict-item, return-value]
    lab.run()
    assert (stored(lab)[3], lab.checkpoint()["cursor"]) == (1, before)
    for _ in range(2):
        lab.run()
    assert {number: v for number, v in stored(lab).items() if number != 1} == truth(api)
