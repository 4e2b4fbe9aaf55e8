"""R31: what an answer promised is kept, or the read is incomplete.

Every pagination, by every answer that holds no list of records, by where it comes: for a while, or for good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncrun.paginators import End, PageState
from tests.kinds.paged_api import Answer, Reply, enumerate_pages, ids

RECORDS = ids(8)
SIZE = 2
PAGES = 4

BLANK: dict[str, Any] = {
    "an empty body": None,
    "204": Reply(None, status=204),
    "null": Reply(None, raw=b"null"),
    "an empty object": {},
    "a message": {"message": "try later"},
    "a text": "try later",
    "a number": 5,
    "true": True,
    "an empty list": [],
    "null for the list": {"items": None},
    "an object for the list": {"items": {}},
}


def _at(asked: dict[str, Any]) -> int:
    """Return the number of the page that is asked for, from 0."""
    if "offset" in asked:
        return int(asked["offset"]) // SIZE
    if "after" in asked:
        return int(asked["after"]) // SIZE
    return int(asked.get("page", asked.get("cursor", 1))) - 1


def _page(asked: dict[str, Any], **members: Any) -> dict[str, Any]:
    start = _at(asked) * SIZE
    return {"items": RECORDS[start : start + SIZE], **members}


def _next(asked: dict[str, Any]) -> int | None:
    return _at(asked) + 2 if _at(asked) + 1 < PAGES else None


def _token(asked: dict[str, Any]) -> Any:
    return _page(asked, next=_next(asked))


def _flagged(asked: dict[str, Any]) -> Any:
    return _page(asked, next=_next(asked), more=_next(asked) is not None)


def _header(asked: dict[str, Any]) -> Any:
    following = _next(asked)
    return Reply(_page(asked), {} if following is None else {"X-Next": str(following)})


def _url(asked: dict[str, Any]) -> Any:
    following = _next(asked)
    return _page(asked, next=None if following is None else f"/items?page={following}")


def _link(asked: dict[str, Any]) -> Any:
    following = _next(asked)
    return Reply(
        _page(asked), {} if following is None else {"Link": f'</items?page={following}>; rel="next"'}
    )


def _total(asked: dict[str, Any]) -> Any:
    return _page(asked, total=len(RECORDS))


def _count(asked: dict[str, Any]) -> Any:
    return _page(asked, pages=PAGES)


def _both(asked: dict[str, Any]) -> Any:
    return _page(asked, page=_at(asked) + 1, total_pages=PAGES)


def _total_header(asked: dict[str, Any]) -> Any:
    return Reply(_page(asked), {"X-Total": str(len(RECORDS))})


def _first_total(asked: dict[str, Any]) -> Any:
    return _page(asked, **({"total": len(RECORDS)} if _at(asked) == 0 else {}))


def _more(asked: dict[str, Any]) -> Any:
    return _page(asked, more=_next(asked) is not None)


POST = {"method": "POST", "json": {"q": "x"}, "retry_safe": True}
KINDS: dict[str, tuple[str | None, Callable[[dict[str, Any]], Any], dict[str, Any]]] = {
    "offset, total": ("{type: offset, total: total}", _total, {}),
    "offset, total told once": ("{type: offset, total: total}", _first_total, {}),
    "page, total": ("{type: page, total: total}", _total, {}),
    "page, total told once": ("{type: page, total: total}", _first_total, {}),
    "page, total in a header": ("{type: page, total: headers.x-total}", _total_header, {}),
    "page, total_pages": ("{type: page, total_pages: pages}", _count, {}),
    "page in a POST": ("{type: page, into: body.page, total_pages: pages}", _count, POST),
    "cursor": ("{type: cursor, token: next}", _token, {}),
    "cursor, has_more": ("{type: cursor, token: next, has_more: more}", _flagged, {}),
    "cursor, token_header": ("{type: cursor, token_header: X-Next}", _header, {}),
    "cursor in a POST": ("{type: cursor, token: next, into: body.cursor}", _token, POST),
    "cursor, empty pages end it": ("{type: cursor, token: next, empty_page: stop}", _token, {}),
    "next_url": ("{type: next_url, url: next}", _url, {}),
    "next_url of a POST for a GET": ("{type: next_url, url: next, method: GET}", _url, POST),
    "link_header": ("link_header", _link, {}),
    "last_record, has_more": ("{type: last_record, token: id, has_more: more}", _more, {}),
    "hook": ("{type: hook, into: params.cursor}", _token, {}),
    "detected next_url": (None, _url, {}),
    "detected link_header": (None, _link, {}),
    "detected pages": (None, _both, {}),
}


_SIDE_BY_SIDE = [(kind, True) for kind in KINDS if kind.startswith(("page", "offset", "detected pages"))]


def _with_blank(whole: Callable[[dict[str, Any]], Any], at: int, blank: Any, times: int) -> Answer:
    """Return *whole*, that answers so many *times* with *blank* when its page *at* is asked for."""
    left = [times]

    def answer(asked: dict[str, Any]) -> Any:
        if _at(asked) != at or not left[0]:
            return whole(asked)
        left[0] -= 1
        return blank

    return answer


def _pagination(text: str | None) -> str | None:
    return None if text is None else text.replace("headers.x-total", "'headers.\"x-total\"'")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_reads_everything(kind: str) -> None:
    pagination, whole, request = KINDS[kind]
    run = enumerate_pages(whole, _pagination(pagination), request=request)
    assert (run.records, run.end.complete, len(run.pages)) == (RECORDS, True, PAGES)


@pytest.mark.parametrize("at", [1, 2, PAGES - 1])
@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize(("kind", "side_by_side"), [*((kind, False) for kind in KINDS), *_SIDE_BY_SIDE])
def test_r31_a_blank_answer_is_asked_for_again_and_then_incomplete(
    kind: str, blank: str, at: int, *, side_by_side: bool
) -> None:
    pagination, whole, request = KINDS[kind]
    told = {"request": request, "side_by_side": side_by_side, "again": 2}
    run = enumerate_pages(_with_blank(whole, at, BLANK[blank], 2), _pagination(pagination), **told)
    assert (run.records, run.end.complete) == (RECORDS, True)
    run = enumerate_pages(_with_blank(whole, at, BLANK[blank], 99), _pagination(pagination), **told)
    assert (run.records, run.end.complete) == (RECORDS[: at * SIZE], False)
    assert f"page {at + 1}" in run.end.reason
    there = blank.removesuffix(" for the list") if blank.endswith("for the list") else ""
    lacks = f"has {there} in place of the list: it is" if there else "has no list of records: it is"
    assert f"is missing: the answer {lacks}" in run.end.reason
    assert [page.page.listed for page in run.pages] == [True] * at + [False]


@pytest.mark.parametrize("at", [1, 2, PAGES - 1])
@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize("kind", KINDS)
def test_r31_a_promise_is_kept_by_the_run_that_goes_on(kind: str, blank: str, at: int) -> None:
    pagination, whole, request = KINDS[kind]
    found: list[Any] = []
    first = enumerate_pages(
        whole, _pagination(pagination), request=request, on_detect=lambda one, _: found.append(one)
    )
    state = first.pages[at - 1].next
    assert isinstance(state, PageState)
    saved = PageState.from_json(state.to_json())
    run = enumerate_pages(
        _with_blank(whole, at, BLANK[blank], 99),
        found[0] if found else _pagination(pagination),
        request=request,
        start=saved,
    )
    assert (run.records, run.end.complete) == ([], False)


@pytest.mark.parametrize(
    "kind", ["offset, total", "page, total", "page, total told once", "page, total_pages"]
)
@pytest.mark.parametrize("at", [1, 2, PAGES - 1])
def test_r31_an_empty_list_before_the_total_is_reached_is_incomplete(kind: str, at: int) -> None:
    pagination, whole, request = KINDS[kind]
    empty = {"items": []}
    run = enumerate_pages(_with_blank(whole, at, empty, 99), _pagination(pagination), request=request)
    assert not run.end.complete
    assert [page.page.listed for page in run.pages] == [True] * len(run.pages)


@pytest.mark.parametrize(
    "stop", ["records[-1].id >= `8`", "!(records[?id > `99`])", "length(records) == `0`"]
)
@pytest.mark.parametrize("kind", ["offset, total", "page, total", "page, total_pages"])
def test_r31_stop_when_ends_nothing_at_an_empty_page_while_the_total_says_more(kind: str, stop: str) -> None:
    pagination, whole, _ = KINDS[kind]
    kind_with_stop = f"{str(pagination)[:-1]}, stop_when: '{stop}'}}"
    run = enumerate_pages(_with_blank(whole, 1, {"items": [], "total": 8, "pages": 4}, 99), kind_with_stop)
    if stop.startswith("!"):  # it is true of the first page
        assert run.end == End(complete=True, reason="stop_when is true")
    else:
        assert run.records == RECORDS[:2] + RECORDS[4:]
        assert not run.end.complete


def test_r31_stop_when_is_not_asked_about_an_answer_without_the_list() -> None:
    answers = iter([{"items": ids(2), "next": "b"}, {"done": True}])
    run = enumerate_pages(lambda _: next(answers), "{type: cursor, token: next, stop_when: body.done}")
    assert not run.end.complete


@pytest.mark.parametrize("blank", ["an empty body", "204", "null"])
@pytest.mark.parametrize("pagination", ["page", "offset", "{type: last_record, token: id}"])
def test_r21_an_empty_answer_past_a_full_page_is_the_end_where_nothing_was_promised(
    pagination: str, blank: str
) -> None:
    run = enumerate_pages(_with_blank(_page, PAGES, BLANK[blank], 99), pagination)
    assert (run.records, run.end) == (RECORDS, End(complete=True, reason="an empty page"))


@pytest.mark.parametrize("blank", ["an empty object", "a message", "a text", "an empty list"])
@pytest.mark.parametrize("pagination", ["page", "offset", "{type: last_record, token: id}"])
def test_an_answer_of_another_shape_is_no_end_though_nothing_was_promised(
    pagination: str, blank: str
) -> None:
    run = enumerate_pages(_with_blank(_page, PAGES, BLANK[blank], 99), pagination)
    if blank == "an empty list":  # as good as an empty answer
        assert run.end.complete
        return
    assert (run.records, run.end.complete) == (RECORDS, False)
    assert run.end.reason.startswith("page 5 is missing: the answer has no list of records: it is")


@pytest.mark.parametrize("body", [{}, {"page": 5}])
def test_where_empty_is_absent_an_object_without_the_list_is_the_end_where_nothing_was_promised(
    body: Any,
) -> None:
    run = enumerate_pages(_with_blank(_page, PAGES, body, 99), "page", absent=True)
    assert (run.records, run.end) == (RECORDS, End(complete=True, reason="an empty page"))
    run = enumerate_pages(_with_blank(_token, 2, body, 99), "{type: cursor, token: next}", absent=True)
    assert (run.records, run.end.complete) == (RECORDS[:4], False)
    assert enumerate_pages(lambda _: body, "{type: cursor, token: next}", absent=True).end.complete


def test_r18_where_empty_is_absent_a_page_without_the_list_may_name_the_next_one() -> None:
    answers = iter([{"items": ids(2), "next": "b"}, {"next": "c"}, {"items": [{"id": 3}]}])
    run = enumerate_pages(lambda _: next(answers), "{type: cursor, token: next}", absent=True)
    assert (run.records, run.end.complete) == (ids(3), True)


def test_r31_what_was_promised_before_the_first_page_counts_too() -> None:
    run = enumerate_pages(lambda _: None, "none", promised="the export names 3 files")
    assert run.end == End(
        complete=False,
        reason="the export names 3 files, but page 1 is missing: the answer has no list of records: it is empty",
    )


def test_r31_a_declared_status_is_no_end_before_the_total_is_reached() -> None:
    pagination = "{type: page, total: total, end_status: [404]}"
    run = enumerate_pages(_with_blank(_total, 2, Reply(None, status=404), 99), pagination)
    assert run.end == End(complete=False, reason="4 of 8 records have come, but page 3 is 404")


def test_r31_the_reason_says_what_was_promised_and_what_came() -> None:
    def reason(kind: str, at: int, blank: str) -> str:
        pagination, whole, request = KINDS[kind]
        answer = _with_blank(whole, at, BLANK[blank], 99)
        return enumerate_pages(answer, _pagination(pagination), request=request).end.reason

    lacks = "is missing: the answer has no list of records: it is"
    assert (
        reason("cursor", 2, "a message")
        == f"page 2 named a next one, but page 3 {lacks} an object with message"
    )
    assert reason("offset, total", 1, "a text") == (
        f"2 of 8 records have come, but page 2 {lacks} the text 'try later'"
    )
    assert reason("page, total_pages", 3, "204") == f"this is page 4 of 4, but page 4 {lacks} empty"
    assert reason("last_record, has_more", 1, "an empty list") == (
        f"page 1 said that there is more, but page 2 {lacks} a list"
    )


def test_r31_a_post_that_may_write_is_not_asked_again() -> None:
    request = {"method": "POST", "json": {}}
    answer = _with_blank(_token, 1, {}, 99)
    run = enumerate_pages(answer, "{type: cursor, token: next, into: body.cursor}", request=request)
    assert run.end.hint == "a POST that only reads is asked again with `retry_safe: true`"
