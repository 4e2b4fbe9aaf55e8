"""Every kind against an API of its style: all records, in order, and a complete end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from syncrun.paginators import PageState
from tests.kinds.paged_api import BASE, Answer, Reply, enumerate_pages, ids, paginate

Records = list[dict[str, int]]
Style = Callable[[Records, int, Any], Answer]
END_MARKERS = (None, "", "  ", False, "absent")


def _slice(records: Records, start: int, size: int) -> Records:
    return records[start : start + size]


def _ended(name: str, value: Any, marker: Any) -> dict[str, Any]:
    """Return the member *name*, which where there is no value says so in the way of *marker*."""
    if value is not None:
        return {name: value}
    return {} if marker == "absent" else {name: marker}


def _numbered(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        page = int(asked["page"])
        return {"items": _slice(records, (page - 1) * size, size)}

    return answer


def _numbered_from_zero_with_pages(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        items = _slice(records, int(asked["p"]) * size, size)
        return {"items": items, "pages": str(-(-len(records) // size))}

    return answer


def _numbered_with_total(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        return {"items": _slice(records, (int(asked["page"]) - 1) * size, size), "total": len(records)}

    return answer


def _refuses_past_the_end(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        items = _slice(records, (int(asked["page"]) - 1) * size, size)
        return {"items": items} if items or asked["page"] == "1" else Reply(None, status=404)

    return answer


def _offset(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        return {"items": _slice(records, int(asked["offset"]), min(size, int(asked.get("limit", size))))}

    return answer


def _offset_with_total(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        items = _slice(records, int(asked["from"]) - 1, size)
        return {"items": items, "total": str(len(records))}

    return answer


def _cursor(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        start = int(str(asked.get("cursor", "c0"))[1:])
        more = start + size < len(records)
        token = f"c{start + size}" if more else None
        return {"items": _slice(records, start, size), "meta": _ended("next", token, marker)}

    return answer


def _cursor_with_flag(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        start = int(asked.get("after") or 0)
        items = _slice(records, start, size)
        return {"items": items, "after": start + size, "more": start + size < len(records)}

    return answer


def _cursor_in_header(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        start = int(asked.get("cursor", 0))
        headers = {"X-Next": str(start + size)} if start + size < len(records) else {"X-Next": ""}
        return Reply({"items": _slice(records, start, size)}, headers)

    return answer


def _links(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        start = int(asked.get("start", 0))
        links = [f'<{BASE}/items?start=0>; rel="first"']
        if start + size < len(records):
            links.append(f'<{BASE}/items?a=1,2;3&start={start + size}>; title="a, b"; rel="last next"')
        return Reply({"items": _slice(records, start, size)}, {"Link": ", ".join(links)})

    return answer


def _next_url(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        start = int(asked.get("start", 0))
        url = f"{BASE}/items?start={start + size}" if start + size < len(records) else None
        return {"items": _slice(records, start, size)} | _ended("next", url, marker)

    return answer


def _next_url_relative(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        start = int(asked.get("start", 0))
        url = f"?start={start + size}" if start + size < len(records) else None
        return {"items": _slice(records, start, size), "links": _ended("next", url, marker)}

    return answer


def _next_url_in_header(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        start = int(asked.get("start", 0))
        more = start + size < len(records)
        headers = {"Next-Page": f"{BASE}/items?start={start + size}"} if more else {}
        return Reply({"items": _slice(records, start, size)}, headers)

    return answer


def _keyset(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        return {"items": _slice([r for r in records if r["id"] > int(asked.get("after", 0))], 0, size)}

    return answer


def _keyset_with_flag(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        left = [r for r in records if r["id"] > int(asked.get("starting_after", 0))]
        return {"items": left[:size], "has_more": len(left) > size}

    return answer


def _graphql(records: Records, size: int, marker: Any) -> Answer:
    def answer(asked: dict[str, Any]) -> Any:
        start = int(asked["variables"].get("after") or 0)
        info = {"endCursor": str(start + size), "hasNextPage": start + size < len(records)}
        return {"data": {"things": {"nodes": _slice(records, start, size), "pageInfo": info}}}

    return answer


STYLES: dict[str, tuple[Style, str]] = {
    "page": (_numbered, "page"),
    "page, size asked": (_numbered, "{type: page, size_param: per_page, size: 7}"),
    "page from 0, total_pages": (
        _numbered_from_zero_with_pages,
        "{type: page, param: p, start: 0, total_pages: pages}",
    ),
    "page, total": (_numbered_with_total, "{type: page, total: total}"),
    "page, 404 past the end": (_refuses_past_the_end, "{type: page, end_status: [404]}"),
    "offset": (_offset, "offset"),
    "offset, size asked": (_offset, "{type: offset, size_param: limit, size: 5}"),
    "offset from 1, total": (_offset_with_total, "{type: offset, into: params.from, start: 1, total: total}"),
    "cursor": (_cursor, "{type: cursor, token: meta.next, into: params.cursor}"),
    "cursor, has_more": (
        _cursor_with_flag,
        "{type: cursor, token: after, into: params.after, has_more: more}",
    ),
    "cursor in a header": (_cursor_in_header, "{type: cursor, token_header: X-Next}"),
    "link_header": (_links, "link_header"),
    "next_url": (_next_url, "{type: next_url, url: next}"),
    "next_url, relative": (_next_url_relative, "{type: next_url, url: links.next}"),
    "next_url in a header": (_next_url_in_header, "{type: next_url, header: Next-Page}"),
    "last_record": (_keyset, "{type: last_record, token: id, into: params.after}"),
    "last_record, has_more": (
        _keyset_with_flag,
        "{type: last_record, token: id, into: params.starting_after, has_more: has_more}",
    ),
}
STYLES |= {
    "hook, a token": (_cursor, "{type: hook, into: params.cursor, max_pages: 50}"),
    "hook, a URL": (_next_url, "{type: hook}"),
    "hook, changes": (_next_url_relative, "{type: hook}"),
}
GRAPHQL = """
type: cursor
token: data.things.pageInfo.endCursor
has_more: data.things.pageInfo.hasNextPage
into: body.variables.after
"""


@pytest.mark.parametrize("style", STYLES)
@given(count=st.integers(0, 40), size=st.integers(1, 12), marker=st.sampled_from(END_MARKERS))
def test_all_records_arrive_in_order_and_the_end_is_complete(
    style: str, count: int, size: int, marker: Any
) -> None:
    serve, pagination = STYLES[style]
    run = enumerate_pages(serve(ids(count), size, marker), pagination)
    assert run.records == ids(count)
    assert run.end.complete, run.end.reason


@pytest.mark.parametrize("style", STYLES)
@given(count=st.integers(0, 30), size=st.integers(1, 7), stop=st.integers(0, 4))
def test_an_enumeration_goes_on_from_any_saved_state(style: str, count: int, size: int, stop: int) -> None:
    serve, pagination = STYLES[style]
    whole = enumerate_pages(serve(ids(count), size, None), pagination)
    states = [fetched.next for fetched in whole.pages if isinstance(fetched.next, PageState)]
    assume(stop < len(states))
    kind = paginate(pagination)
    assert kind is not None
    assert kind.resumable
    saved = PageState.from_json(states[stop].to_json())
    rest = enumerate_pages(serve(ids(count), size, None), pagination, start=saved)
    before = [record for fetched in whole.pages[: stop + 1] for record in fetched.page.records]
    assert before + rest.records == ids(count)
    assert rest.end.complete


@given(count=st.integers(0, 30), size=st.integers(1, 7))
def test_a_graphql_connection_is_read_to_its_end(count: int, size: int) -> None:
    request = {"method": "POST", "json": {"query": "query($after: String) {…}", "variables": {"size": size}}}
    run = enumerate_pages(
        _graphql(ids(count), size, None), GRAPHQL, request=request, records="data.things.nodes"
    )
    assert run.records == ids(count)
    assert run.end.complete
    assert all(r.json["variables"]["size"] == size for r in run.api.requests)


def test_none_asks_once() -> None:
    run = enumerate_pages(_numbered(ids(5), 5, None), "none", request={"params": {"page": 1}})
    assert run.records == ids(5)
    assert run.asked == [{"page": 1}]
    assert run.end.complete
    assert run.end.reason == "there is only one page"


@pytest.mark.parametrize("text", ["none", "page", "offset", "link_header", "hook"])
def test_a_bare_name_is_a_kind_without_further_keys(text: str) -> None:
    assert paginate(text) == paginate(f"{{type: {text}}}")
