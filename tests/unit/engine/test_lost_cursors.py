"""A read of everything, in place of a lost cursor or by request, finds what is gone by difference (R16)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.lab import Lab

SYNC = """
    syncs:
      items:
        request: {path: /items, params: {since: "${cursor}"}}
        records: items
        pagination: {type: cursor, token: next, into: params.after}
        key: id
        incremental: INCREMENTAL
        deletes: DELETES
        fields: {id: {path: id, type: integer}, at: {path: at, type: integer}}
"""
RULES = {
    "flag": "{flag: gone}",
    "list": "{request: /deleted, records: ids}",
    "dated list": "{request: /deleted, records: ids, at: at}",
}
WAYS = {"token": "{token: token, expired: {status: 410}}", "cursor": "{cursor: at, expired: {status: 410}}"}
CASES = [(rule, way) for rule in RULES for way in WAYS if (rule, way) != ("dated list", "token")]


def yaml(rule: str, way: str = "cursor") -> str:
    return SYNC.replace("INCREMENTAL", WAYS[way]).replace("DELETES", RULES.get(rule, rule))


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
    """Items by id, two a page, with the version of their last change; it may forget its tokens."""

    def __init__(self, *ids: int) -> None:
        self.items = {number: number for number in ids}
        self.forgotten = False
        self.told: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> Any:
        if request.url.path == "/deleted":
            return {"ids": self.told}
        query = request.url.params
        since, after = query.get("since"), int(query.get("after", 0))
        if since is not None and self.forgotten:
            return httpx.Response(410)
        low = int(since.removeprefix("t")) if since else 0
        found = [{"id": n, "at": at} for n, at in sorted(self.items.items()) if at >= low]
        page, more = found[after : after + 2], found[after + 2 :]
        newest = max(self.items.values(), default=0)
        return {"items": page, "next": after + 2 if more else None, "token": f"t{newest}"}


def ids(lab: Lab) -> list[int]:
    return [record["id"] for record in lab.live()]


@pytest.fixture
def api(lab: Lab) -> Api:
    lab.api = api = Api(1, 2, 3, 4, 5)
    return api


@pytest.mark.parametrize(("rule", "way"), CASES)
def test_r16_what_went_while_the_cursor_was_lost_is_deleted(lab: Lab, api: Api, rule: str, way: str) -> None:
    lab.write(yaml(rule, way))
    lab.run()
    del api.items[2]
    api.forgotten = True
    report = lab.run()
    assert (report.status, report.mode, report.changes.deleted, ids(lab)) == ("ok", "full", 1, [1, 3, 4, 5])


@pytest.mark.parametrize("option", ["reset", "full"])
@pytest.mark.parametrize(("rule", "way"), CASES)
def test_r16_a_read_of_everything_compares(lab: Lab, api: Api, rule: str, way: str, option: str) -> None:
    lab.write(yaml(rule, way))
    lab.run()
    del api.items[2]
    assert ids(lab) == [1, 2, 3, 4, 5]
    report = lab.run(**{option: True})
    assert (report.status, report.changes.deleted, ids(lab)) == ("ok", 1, [1, 3, 4, 5])


@pytest.mark.parametrize("option", ["reset", "full"])
def test_r16_a_sync_that_never_deletes_does_not(lab: Lab, api: Api, option: str) -> None:
    lab.write(yaml("none"))
    lab.run()
    del api.items[2]
    api.forgotten = True
    assert (lab.run().mode, ids(lab)) == ("full", [1, 2, 3, 4, 5])
    lab.run(**{option: True})
    assert ids(lab) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("rule", RULES)
def test_r10_the_guard_judges_it_and_accepting_reads_everything_again(lab: Lab, rule: str) -> None:
    api = lab.api = Api(*range(1, 31))
    lab.write(yaml(rule))
    lab.run()
    for number in range(1, 20):
        del api.items[number]
    report = lab.run(full=True)
    assert (report.status, report.changes.deleted, len(ids(lab))) == ("incomplete", 0, 30)
    assert lab.run().mode == "incremental"
    report = lab.run(accept_deletes=True)
    assert (report.status, report.mode, report.changes.deleted) == ("ok", "full", 19)


@pytest.mark.parametrize("rule", RULES)
def test_r08_what_was_seen_before_a_crash_counts(lab: Lab, api: Api, rule: str) -> None:
    lab.write(yaml(rule))
    lab.run()
    api.items |= {6: 6, 7: 7}
    del api.items[2]
    with pytest.raises(Killed):
        lab.run(full=True, commit_rows=1, fault=killing("settled", 2))
    lab.requests.clear()
    report = lab.run(commit_rows=1)
    assert (report.status, report.mode, ids(lab)) == ("ok", "full", [1, 3, 4, 5, 6, 7])
    assert any("after=" in request for request in lab.requests[:2])  # it went on where it was


@pytest.mark.parametrize("rule", RULES)
def test_r16_what_was_read_before_the_cursor_was_found_lost_is_not_seen_by_the_read_of_everything(
    lab: Lab, api: Api, rule: str
) -> None:
    lab.write(yaml(rule))
    lab.run()
    for number in (6, 7, 8):
        api.items[number] = 6

    def answer(request: httpx.Request) -> Any:
        if request.url.params.get("since") and request.url.params.get("after"):
            del api.items[5]  # it was on the page before
            api.forgotten = True
        return api(request)

    lab.api = answer
    report = lab.run()
    assert (report.status, report.mode, ids(lab)) == ("ok", "full", [1, 2, 3, 4, 6, 7, 8])


@pytest.mark.parametrize("rule", RULES)
def test_r16_what_is_from_before_the_start_is_not_missing(lab: Lab, api: Api, rule: str) -> None:
    """Such a read has never seen it: somebody wrote it, or `start` was earlier then."""
    lab.write(yaml(rule))
    lab.run()
    lab.write(yaml(rule).replace("{cursor: at,", "{cursor: at, start: 3,"))
    del api.items[4]
    report = lab.run(full=True)
    assert (report.status, report.changes.deleted, ids(lab)) == ("ok", 1, [1, 2, 3, 5])


def test_r16_a_request_for_the_last_days_has_not_seen_everything(lab: Lab) -> None:
    lab.write("""
        syncs:
          items:
            request: {path: /items, params: {from: "${add_time(now, '-60d')}", since: "${cursor}"}}
            pagination: none
            key: id
            incremental: {cursor: at}
            deletes: {flag: gone}
            fields: {id: {path: id, type: integer}, at: {path: at, type: integer}}
    """)
    lab.api = lambda _: [{"id": 1, "at": 1}, {"id": 2, "at": 2}]
    lab.run()
    lab.api = lambda _: [{"id": 2, "at": 2}]
    assert (lab.run(full=True).status, ids(lab)) == ("ok", [1, 2])
