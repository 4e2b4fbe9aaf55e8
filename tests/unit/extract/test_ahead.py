"""Pages asked for side by side: in order, within bounds, and never believed more than one after the other."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from syncrun.errors import RequestError
from syncrun.extract.ahead import Ahead
from syncrun.http.messages import Request, Response
from tests.kinds.paged_api import Answer, Enumeration, Reply, enumerate_pages, ids

SECONDS = 30
KINDS = {
    "offset": "{type: offset, total: total}",
    "offset from 1": "{type: offset, start: 1, total: total, concurrency: 2}",
    "page with a total": "{type: page, total: total}",
    "page of so many": "{type: page, start: 0, total_pages: pages}",
}


def api_of(count: int, size: int = 5) -> Answer:
    """An API of *count* records that says how many there are, by offset or by page."""

    def answer(asked: dict[str, Any]) -> Any:
        first = int(asked["page"]) * size if "page" in asked else int(asked["offset"])
        return {"items": ids(count)[first : first + size], "total": count, "pages": -(-count // size)}

    return answer


def shifted(answer: Answer, **starts: int) -> Answer:
    """The API counting from another number."""
    return lambda asked: answer(asked | {n: int(asked[n]) - s for n, s in starts.items() if n in asked})


def both(answer: Answer, kind: str) -> tuple[Enumeration, Enumeration]:
    return enumerate_pages(answer, kind), enumerate_pages(answer, kind, side_by_side=True)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("count", [0, 1, 5, 6, 23, 25, 60])
def test_side_by_side_gives_what_one_after_the_other_gives(name: str, count: int) -> None:
    starts = {"offset": 1} if "from 1" in name else {"page": 1} if "with a total" in name else {}
    one, many = both(shifted(api_of(count), **starts), KINDS[name])
    assert many.pages == one.pages
    assert many.records == ids(count)
    assert sorted(map(repr, many.asked)) == sorted(map(repr, one.asked))


def test_a_page_that_is_shorter_than_the_others_moves_the_next_offset() -> None:
    whole = api_of(40)

    def answer(asked: dict[str, Any]) -> Any:
        body = whole(asked)
        return body | {"items": body["items"][:3]} if int(asked["offset"]) == 15 else body

    one, many = both(answer, KINDS["offset"])
    assert many.pages == one.pages
    assert many.records == ids(40)


@pytest.mark.parametrize("kind", KINDS.values())
def test_a_server_that_repeats_a_page_ends_as_incomplete(kind: str) -> None:
    one, many = both(lambda _: {"items": ids(5), "total": 40, "pages": 8}, kind)
    assert many.pages == one.pages
    assert not many.end.complete


def test_no_page_past_max_pages_is_asked_for() -> None:
    one, many = both(api_of(100), "{type: offset, total: total, max_pages: 3}")
    assert (many.end, len(many.asked)) == (one.end, 3)


def test_an_error_ends_the_enumeration_when_its_turn_comes() -> None:
    whole = api_of(60)

    def answer(asked: dict[str, Any]) -> Any:
        return Reply({}, status=500) if int(asked["offset"]) == 20 else whole(asked)

    with pytest.raises(RequestError, match="500"):
        enumerate_pages(answer, KINDS["offset"], side_by_side=True)


def test_so_many_requests_are_on_their_way_and_no_more() -> None:
    going, most, all_there = 0, 0, threading.Event()
    guard = threading.Lock()

    def send(request: Request) -> Response:
        nonlocal going, most
        with guard:
            going, most = going + 1, max(most, going + 1)
            if going == 3:
                all_there.set()
        assert all_there.wait(SECONDS)
        with guard:
            going -= 1
        return Response(200, request.url, {}, b"", request)

    ahead = Ahead(send)
    requests = [Request("GET", f"https://api.test/{number}") for number in range(9)]
    ahead.plan(iter(requests), 3)
    assert [ahead.take(request).request for request in requests] == requests
    assert most == 3


def test_what_was_planned_in_vain_counts_for_nothing() -> None:
    def send(request: Request) -> Response:
        if request.url.endswith("planned"):
            raise RequestError("never told")
        return Response(200, request.url, {}, b"", request)

    ahead = Ahead(send)
    ahead.plan(iter([Request("GET", "https://api.test/planned")]), 1)
    assert ahead.take(Request("GET", "https://api.test/other")).status == 200
    assert ahead.idle
