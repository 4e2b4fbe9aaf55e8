"""What the first answer gives away about pagination."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from syncrun.extract.cut_off import looks_cut_off
from syncrun.extract.detect import as_yaml, detect
from syncrun.extract.select import Selector
from syncrun.http.messages import Request
from syncrun.paginators import End, Page, PageState, Pagination
from tests.kinds.paged_api import BASE, Reply, enumerate_pages, ids, paginate

ITEMS = [{"id": 1}, {"id": 2}]


def first_page(body: Any, headers: Mapping[str, str] | None = None) -> Page:
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    return Page(PageState(), f"{BASE}/items", 200, lower, body, Selector().select(body).records)


def detected(body: Any, headers: Mapping[str, str] | None = None, **request: Any) -> str:
    kind, _ = detect(Request("GET", f"{BASE}/items", **request), first_page(body, headers))
    return as_yaml(kind)


def written(value: Any) -> str:
    return yaml.safe_dump({"pagination": value}, sort_keys=False)


def next_url(path: str) -> dict[str, str]:
    return {"type": "next_url", "url": path}


def cursor(token: str, into: str, has_more: str | None = None) -> dict[str, str]:
    return {"type": "cursor", "into": into, "token": token} | ({"has_more": has_more} if has_more else {})


@pytest.mark.parametrize(
    ("headers", "pagination"),
    [
        ({"Link": f'<{BASE}/items?page=2>; rel="next"'}, "link_header"),
        ({"Link": f'<{BASE}/items?page=1>; rel="last"'}, "link_header"),
        ({"Link": "</style.css>; rel=preload"}, "none"),
        ({"Next-Page": f"{BASE}/items?_token=x"}, {"type": "next_url", "header": "Next-Page"}),
        ({"X-Next-Page": ""}, {"type": "cursor", "into": "params.page", "token_header": "X-Next-Page"}),
        ({}, "none"),
    ],
)
def test_headers_give_it_away_even_for_a_bare_list(headers: dict[str, str], pagination: Any) -> None:
    assert detected(ITEMS, headers) == written(pagination)


@pytest.mark.parametrize(
    ("members", "pagination"),
    [
        ({"next": f"{BASE}/items?page=2"}, next_url("next")),
        ({"next": None, "previous": None, "count": 2}, next_url("next")),
        ({"@odata.nextLink": f"{BASE}/items?$skip=2"}, next_url('"@odata.nextLink"')),
        ({"links": {"next": "/items?page=2"}}, next_url("links.next")),
        ({"_links": {"next": {"href": "/items?page=2"}}}, next_url("_links.next.href")),
        ({"links": {"next": {"href": "?p=2"}}}, next_url("links.next.href")),
        (
            {"paging": {"next": {"after": "10", "link": f"{BASE}/items?after=10"}}},
            next_url("paging.next.link"),
        ),
        ({"meta": {"next": "/items?page=2"}}, next_url("meta.next")),
        ({"nextRecordsUrl": "/query/01-2"}, next_url("nextRecordsUrl")),
        ({"next": "abc"}, "none"),
    ],
)
def test_members_with_the_next_url(members: dict[str, Any], pagination: Any) -> None:
    assert detected({"items": ITEMS} | members) == written(pagination)


@pytest.mark.parametrize(
    ("members", "pagination"),
    [
        ({"next_cursor": "abc"}, cursor("next_cursor", "params.cursor")),
        ({"next_cursor": "abc", "has_more": True}, cursor("next_cursor", "params.cursor", "has_more")),
        (
            {"object": "list", "next_cursor": None, "has_more": False},
            cursor("next_cursor", "params.start_cursor", "has_more"),
        ),
        ({"nextPageToken": "abc"}, cursor("nextPageToken", "params.pageToken")),
        ({"next_page_token": ""}, cursor("next_page_token", "params.page_token")),
        (
            {"response_metadata": {"next_cursor": "x"}},
            cursor("response_metadata.next_cursor", "params.cursor"),
        ),
        ({"paging": {"cursors": {"after": "x"}}}, cursor("paging.cursors.after", "params.after")),
        ({"paging": {"next": {"after": "10"}}}, cursor("paging.next.after", "params.after")),
        (
            {"meta": {"next_cursor": "x", "has_more": True}},
            cursor("meta.next_cursor", "params.cursor", "meta.has_more"),
        ),
        ({"next_page": 2}, cursor("next_page", "params.page")),
        ({"offset": "itr/rec"}, cursor("offset", "params.offset")),
        ({"cursor": {"id": 3}}, "none"),
        ({"cursor": True}, "none"),
    ],
)
def test_members_with_a_token(members: dict[str, Any], pagination: Any) -> None:
    assert detected({"items": ITEMS} | members) == written(pagination)


def test_a_list_object_with_has_more_continues_after_the_last_id() -> None:
    assert detected({"object": "list", "data": ITEMS, "has_more": True}) == written(
        {"type": "last_record", "into": "params.starting_after", "token": "id", "has_more": "has_more"}
    )


@pytest.mark.parametrize(
    ("members", "params", "pagination"),
    [
        ({"page": 1, "total_pages": 3}, {}, {"type": "page", "param": "page", "total_pages": "total_pages"}),
        (
            {"meta": {"current_page": 1, "last_page": 3}},
            {},
            {"type": "page", "param": "page", "total_pages": "meta.last_page"},
        ),
        (
            {"number": 0, "totalPages": 3, "size": 20},
            {},
            {"type": "page", "param": "page", "start": 0, "total_pages": "totalPages"},
        ),
        (
            {"page": {"number": 0, "totalPages": 3}},
            {"page": 0},
            {"type": "page", "param": "page", "start": 0, "total_pages": "page.totalPages"},
        ),
        (
            {"page": 4, "pages": 9},
            {"p": 4},
            {"type": "page", "param": "p", "start": 4, "total_pages": "pages"},
        ),
        ({"page": 4, "pages": 9}, {}, "none"),
        ({"page": "one", "pages": 9}, {}, "none"),
    ],
)
def test_page_numbers_with_a_page_count(
    members: dict[str, Any], params: dict[str, Any], pagination: Any
) -> None:
    assert detected({"items": ITEMS} | members, params=params) == written(pagination)


@pytest.mark.parametrize(
    ("members", "pagination"),
    [
        ({"offset": 0, "limit": 2, "total": 9}, {"type": "offset", "total": "total", "param": "offset"}),
        (
            {"startAt": 0, "maxResults": 2, "total": 2},
            {"type": "offset", "total": "total", "param": "startAt"},
        ),
        (
            {"startIndex": 1, "itemsPerPage": 2, "totalResults": 9},
            {"type": "offset", "total": "totalResults", "param": "startIndex", "start": 1},
        ),
        (
            {"meta": {"offset": 0, "limit": 2, "total": 9}},
            {"type": "offset", "total": "meta.total", "param": "offset"},
        ),
        ({"offset": 0, "limit": 2, "total": 1}, "none"),
        ({"offset": 0, "total": 9}, "none"),
    ],
)
def test_offsets_with_limit_and_total(members: dict[str, Any], pagination: Any) -> None:
    assert yaml.safe_load(detected({"items": ITEMS} | members)) == {"pagination": pagination}


def test_a_graphql_connection_is_detected_with_its_variable() -> None:
    request = Request(
        "POST", BASE, json={"query": "query($afterItem: String) {…}", "variables": {"afterItem": None}}
    )
    body = {
        "data": {"repo": {"issues": {"nodes": ITEMS, "pageInfo": {"endCursor": "x", "hasNextPage": True}}}}
    }
    kind, _ = detect(request, Page(PageState(), BASE, 200, {}, body, ITEMS))
    assert yaml.safe_load(as_yaml(kind))["pagination"] == cursor(
        "data.repo.issues.pageInfo.endCursor",
        "body.variables.afterItem",
        "data.repo.issues.pageInfo.hasNextPage",
    )


def test_what_is_sent_in_the_body_is_placed_there() -> None:
    text = detected({"items": ITEMS, "page": 1, "pages": 2}, json={"page": 1})
    assert yaml.safe_load(text)["pagination"] == {"type": "page", "into": "body.page", "total_pages": "pages"}


def test_a_detected_kind_reads_the_rest_and_is_told_as_yaml_that_reads_the_same() -> None:
    records = ids(5)

    def answer(asked: dict[str, Any]) -> Any:
        start = int(asked.get("start", 0))
        link = {"Link": f"<?start={start + 2}>; rel=next"} if start + 2 < 5 else {}
        return Reply({"items": records[start : start + 2]}, link)

    told: list[tuple[Pagination, str]] = []
    run = enumerate_pages(answer, None, on_detect=lambda kind, reason: told.append((kind, reason)))
    assert run.records == records
    assert run.end.complete
    assert [reason for _, reason in told] == ["the Link header has rel=next"]
    again = yaml.safe_load(as_yaml(told[0][0]))["pagination"]
    assert enumerate_pages(answer, yaml.safe_dump(again)).records == records


def test_a_detected_page_count_reads_the_rest() -> None:
    records = ids(5)

    def answer(asked: dict[str, Any]) -> Any:
        page = int(asked.get("page", 0))
        return {"items": records[page * 2 : page * 2 + 2], "page": {"number": page, "totalPages": 3}}

    run = enumerate_pages(answer, None)
    assert run.records == records
    assert run.end == End(complete=True, reason="the last of 3 pages")
    assert run.asked == [{}, {"page": 1}, {"page": 2}]


@pytest.mark.parametrize(
    ("body", "headers", "params", "sign"),
    [
        (ITEMS, {}, {"per_page": 2}, "2 records for per_page=2"),
        (ITEMS, {}, {"limit": "2"}, "2 records for limit=2"),
        (ITEMS, {"X-Total-Count": "9"}, {}, "2 records where the answer says X-Total-Count=9"),
        ({"items": ITEMS, "total": 9}, {}, {}, "2 records where the answer says total=9"),
        ({"items": ITEMS, "meta": {"has_more": True}}, {}, {}, "the answer says meta.has_more=true"),
    ],
)
def test_r07_an_answer_that_looks_cut_off_is_incomplete(
    body: Any, headers: dict[str, str], params: dict[str, Any], sign: str
) -> None:
    run = enumerate_pages(lambda _: Reply(body, headers), None, request={"params": params}, records=None)
    assert run.end == End(
        complete=False,
        reason=f"looks cut off: {sign}, and no way to the next page was found",
        hint="if this is everything: `pagination: none`; else declare how to get the rest",
    )


@pytest.mark.parametrize("count", [50, 100, 200, 250, 500, 1000])
def test_r07_a_round_number_of_records_looks_cut_off(count: int) -> None:
    run = enumerate_pages(lambda _: ids(count), None, records=None)
    assert not run.end.complete
    assert run.end.reason.startswith(f"looks cut off: {count:,} records, which is a round number, and no way")
    assert len(run.records) == count
    assert enumerate_pages(lambda _: ids(count), "none", records=None).end.complete
    assert enumerate_pages(lambda _: ids(count - 1), None, records=None).end.complete


def test_r07_a_limit_deep_in_the_body_counts_too() -> None:
    request = {"method": "POST", "json": {"page": {"limit": 2}}}
    run = enumerate_pages(lambda _: ITEMS, None, request=request, records=None)
    assert run.end.reason.startswith("looks cut off: 2 records for limit=2")


@pytest.mark.parametrize("name", ["partial", "incomplete_results", "timed_out"])
@pytest.mark.parametrize("pagination", [None, "none", "{type: page, total: total}"])
def test_r07_an_answer_that_says_that_it_is_a_part_makes_the_read_incomplete(
    name: str, pagination: str | None
) -> None:
    run = enumerate_pages(lambda _: {"items": ITEMS, "total": 2, name: True}, pagination)
    assert run.end == End(
        complete=False,
        reason=f"the answer of page 1 says {name}=true: it is only a part",
        hint='if such answers are whole all the same: `cut_off: "`false`"` in the sync',
    )
    whole = {"items": ITEMS, "total": 2, name: False}
    assert enumerate_pages(lambda _: whole, pagination).end.complete


def test_r07_one_page_that_is_a_part_makes_the_whole_read_incomplete() -> None:
    answers = iter([{"items": ITEMS, "next": "b", "partial": True}, {"items": [{"id": 3}]}])
    run = enumerate_pages(lambda _: next(answers), "{type: cursor, token: next}")
    assert len(run.records) == 3
    assert run.end.reason == "the answer of page 1 says partial=true: it is only a part"


def test_truncated_is_said_of_every_page_but_the_last() -> None:
    answers = iter([{"items": ITEMS, "next": "b", "truncated": True}, {"items": [{"id": 3}]}])
    assert enumerate_pages(lambda _: next(answers), "{type: cursor, token: next}").end.complete
    run = enumerate_pages(lambda _: {"items": ITEMS, "truncated": True}, "{type: cursor, token: next}")
    assert run.end.reason == "the answer of page 1 says truncated=true: it is only a part"


def test_the_members_of_a_single_record_say_nothing_about_the_list() -> None:
    assert enumerate_pages(lambda _: {"id": 1, "partial": True}, "none", records="@").end.complete


@pytest.mark.parametrize("rule", ["body.meta.done == `false`", "headers.\"x-more\" == 'yes'"])
def test_r07_cut_off_says_which_answers_are_a_part(rule: str) -> None:
    def answer(asked: dict[str, Any]) -> Reply:
        first = asked["page"] == "1"
        body = {"items": ids(4)[:2] if first else ids(4)[2:3], "meta": {"done": not first}}
        return Reply(body, {"X-More": "yes" if first else "no"})

    run = enumerate_pages(answer, "page", cut_off=rule)
    assert run.end == End(
        complete=False, reason=f"cut_off ({rule}) is true for the answer of page 1: it is only a part"
    )
    assert enumerate_pages(answer, "page", cut_off="body.none").end.complete


def test_cut_off_takes_the_place_of_known_names() -> None:
    answer = {"items": ITEMS, "partial": True}
    assert enumerate_pages(lambda _: answer, "none", cut_off="`false`").end.complete


@pytest.mark.parametrize(
    ("body", "params"),
    [
        (ITEMS, {}),
        (ITEMS, {"per_page": 3}),
        ({"items": ITEMS, "total": 2}, {}),
        ([], {"limit": 0}),
        (ITEMS, {"id": 2}),
    ],
)
def test_an_answer_that_is_everything_does_not_look_cut_off(body: Any, params: dict[str, Any]) -> None:
    assert looks_cut_off(Request("GET", BASE, params=params), first_page(body)) is None


def test_declared_none_is_believed() -> None:
    run = enumerate_pages(lambda _: ITEMS, "none", request={"params": {"limit": 2}}, records=None)
    assert run.end.complete


@pytest.mark.parametrize("body", [[], {}, None, ITEMS, {"items": ITEMS}, {"items": [], "page": None}])
def test_nothing_known_is_kind_none(body: Any) -> None:
    kind, reason = detect(Request("GET", BASE), first_page(body))
    assert kind == paginate("none")
    assert reason == "the answer shows no way to a next page"
