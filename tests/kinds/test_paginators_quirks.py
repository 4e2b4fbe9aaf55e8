"""What real APIs do to whoever pages through them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from syncrun.errors import EvaluationError, RequestError
from syncrun.paginators import AnyPagination, End
from syncrun.paginators.link_header import find_link
from tests.kinds.paged_api import BASE, Answer, Reply, enumerate_pages, ids


def script(*bodies: Any) -> Answer:
    """Return an API that answers with *bodies* one after another, and then with the last one for ever."""
    left = list(bodies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def item(*numbers: int) -> list[dict[str, int]]:
    return [{"id": number} for number in numbers]


CURSOR = "{type: cursor, token: next}"


# --- ends, and enumerations that have none


@pytest.mark.parametrize("marker", [None, "", " \t ", False, [], {}])
def test_r17_an_end_marker_ends_completely(marker: Any) -> None:
    run = enumerate_pages(script({"items": item(1), "next": marker}), CURSOR)
    assert run.end == End(complete=True, reason="no further token")


def test_r17_a_token_that_comes_again_is_incomplete() -> None:
    answer = script({"items": item(1), "next": "a"}, {"items": item(2), "next": "a"})
    run = enumerate_pages(answer, CURSOR)
    assert run.records == item(1, 2)
    assert run.end == End(complete=False, reason="page 2 names the same token that page 1 named")


def test_r17_a_longer_circle_of_tokens_is_noticed_too() -> None:
    tokens = {None: "a", "a": "b", "b": "c", "c": "a"}
    run = enumerate_pages(
        lambda asked: {"items": [{"id": asked.get("cursor")}], "next": tokens[asked.get("cursor")]}, CURSOR
    )
    assert len(run.pages) == 4
    assert run.end == End(complete=False, reason="page 4 names the same token that page 1 named")


def test_r17_a_next_url_that_comes_again_is_incomplete() -> None:
    answer = script({"items": item(1), "next": "/p2"}, {"items": item(2), "next": "/p2"})
    run = enumerate_pages(answer, "{type: next_url, url: next}")
    assert run.end == End(complete=False, reason="page 2 names the same next URL that page 1 named")


def test_r17_the_same_content_twice_is_incomplete() -> None:
    run = enumerate_pages(script({"items": item(1, 2)}), "page")
    assert run.end == End(complete=False, reason="page 2 is the same as the page before it")


def test_r17_a_server_that_ignores_the_page_number_is_noticed_though_its_answers_differ() -> None:
    clock = iter(range(100))
    run = enumerate_pages(
        lambda _: {"items": item(1, 2), "time": next(clock), "total": 4}, "{type: page, total: total}"
    )
    assert not run.end.complete
    assert len(run.pages) == 2


def test_r17_the_same_content_is_incomplete_even_where_it_looks_like_the_last_page() -> None:
    run = enumerate_pages(script({"items": item(1, 2), "pages": 2}), "{type: page, total_pages: pages}")
    assert run.end == End(complete=False, reason="page 2 is the same as the page before it")


def test_r17_empty_pages_may_look_the_same() -> None:
    answer = script(
        {"items": item(1), "next": "a"},
        {"items": [], "next": "b"},
        {"items": [], "next": "c"},
        {"items": item(2)},
    )
    run = enumerate_pages(answer, CURSOR)
    assert run.records == item(1, 2)
    assert run.end.complete


def test_r17_a_link_back_to_the_first_page_is_incomplete() -> None:
    run = enumerate_pages(
        script({"items": item(1), "next": "/items"}, {"items": item(2)}), "{type: next_url, url: next}"
    )
    assert run.end == End(complete=False, reason="the request for page 2 is the same as that for page 1")


def test_r17_max_pages_is_incomplete() -> None:
    run = enumerate_pages(lambda asked: {"items": item(int(asked["page"]))}, "{type: page, max_pages: 3}")
    assert run.records == ids(3)
    assert run.end == End(complete=False, reason="max_pages (3) reached, and more pages follow")


def test_r17_max_pages_is_no_matter_when_the_last_page_is_within() -> None:
    run = enumerate_pages(
        lambda asked: {"items": item(int(asked["page"])), "pages": 3},
        "{type: page, total_pages: pages, max_pages: 3}",
    )
    assert run.end.complete


def test_has_more_without_a_token_is_incomplete() -> None:
    run = enumerate_pages(
        script({"items": item(1), "more": True}), "{type: cursor, token: next, has_more: more}"
    )
    assert run.end == End(complete=False, reason="the answer says that there is more, but next has no token")


@pytest.mark.parametrize("flag", [False, "false", "False", 0, "0", ""])
def test_has_more_that_is_false_ends_though_a_token_is_there(flag: Any) -> None:
    body = {"items": item(1), "next": "a", "more": flag}
    run = enumerate_pages(script(body), "{type: cursor, token: next, has_more: more}")
    assert run.end == End(complete=True, reason="the answer says that there is no more")


def test_a_missing_has_more_leaves_it_to_the_token() -> None:
    answer = script({"items": item(1), "next": "a"}, {"items": item(2)})
    run = enumerate_pages(answer, "{type: cursor, token: next, has_more: more}")
    assert run.records == item(1, 2)
    assert run.end.complete


def test_a_last_record_without_the_token_is_incomplete() -> None:
    run = enumerate_pages(script({"items": [{"name": "x"}]}), "{type: last_record, token: id}")
    assert run.end == End(
        complete=False, reason="the last record has no id, so no next page can be asked for"
    )


def test_has_more_on_an_empty_page_of_last_record_is_incomplete() -> None:
    run = enumerate_pages(
        script({"items": [], "more": True}), "{type: last_record, token: id, has_more: more}"
    )
    assert run.end == End(complete=False, reason="the answer says that there is more, but the page is empty")


def test_a_list_as_token_is_sent_back_as_it_is() -> None:
    answer = script({"items": [{"id": 1, "sort": [5, "x"]}]}, {"items": []})
    run = enumerate_pages(
        answer,
        "{type: last_record, token: sort, into: body.search_after}",
        request={"method": "POST", "json": {"size": 1}},
    )
    assert [request.json for request in run.api.requests] == [
        {"size": 1},
        {"size": 1, "search_after": [5, "x"]},
    ]


# --- empty and short pages


def test_r18_an_empty_page_with_a_token_continues() -> None:
    answer = script({"items": [], "next": "a"}, {"items": item(1), "next": None})
    assert enumerate_pages(answer, CURSOR).records == item(1)


@pytest.mark.parametrize(
    "pagination",
    [
        "{type: cursor, token: next, empty_page: stop}",
        "{type: next_url, url: next, empty_page: stop}",
        "{type: page, total_pages: pages, empty_page: stop}",
        "{type: offset, total: pages, empty_page: stop}",
    ],
)
def test_r18_empty_page_stop_ends_there(pagination: str) -> None:
    run = enumerate_pages(script({"items": [], "next": "/a", "pages": 5}), pagination)
    assert run.end == End(complete=True, reason="an empty page")
    assert len(run.pages) == 1


def test_r18_a_server_that_caps_the_size_is_read_to_the_end() -> None:
    records = ids(130)

    def answer(asked: dict[str, Any]) -> Any:
        size = min(50, int(asked["per_page"]))
        start = (int(asked["page"]) - 1) * size
        return {"items": records[start : start + size]}

    run = enumerate_pages(answer, "{type: page, size_param: per_page, size: 100}")
    assert run.records == records
    assert run.asked == [{"per_page": 100, "page": number} for number in (1, 2, 3)]
    assert run.end == End(complete=True, reason="a page of 30, shorter than 50")


def test_r18_a_first_page_shorter_than_asked_is_not_the_end() -> None:
    answer = script({"items": item(1, 2)}, {"items": item(3)})
    run = enumerate_pages(answer, "{type: offset, size_param: limit, size: 100}")
    assert run.records == item(1, 2, 3)
    assert run.asked == [{"limit": 100, "offset": 0}, {"limit": 100, "offset": 2}]


def test_r18_short_pages_are_no_end_while_the_total_says_more() -> None:
    answer = script(
        {"items": item(1, 2, 3), "total": 6},
        {"items": item(4), "total": 6},
        {"items": item(5, 6), "total": 6},
    )
    run = enumerate_pages(answer, "{type: offset, total: total}")
    assert run.records == ids(6)
    assert run.end == End(complete=True, reason="all 6 records received")


def test_an_empty_page_between_is_no_end_while_the_total_says_more() -> None:
    pages = {0: item(1, 2), 2: [], 4: item(5)}
    run = enumerate_pages(
        lambda asked: {"items": pages[int(asked["offset"])], "total": 5}, "{type: offset, total: total}"
    )
    assert run.records == item(1, 2, 5)
    assert not run.end.complete
    assert run.end.reason == "3 of 5 records received; page 2 was empty"


def test_a_server_that_stops_before_its_total_is_incomplete() -> None:
    pages = {1: item(1, 2), 2: item(3, 4)}
    run = enumerate_pages(
        lambda asked: {"items": pages.get(int(asked["page"]), []), "total": 1000},
        "{type: page, total: total}",
    )
    assert run.end == End(
        complete=False, reason="the answer says 1,000 records, but the last 3 pages are empty"
    )


def test_one_record_fewer_than_the_total_on_an_empty_last_page_is_incomplete() -> None:
    answer = script({"items": item(1, 2), "total": 4}, {"items": [], "total": 4})
    run = enumerate_pages(answer, "{type: page, total: total}")
    assert not run.end.complete
    assert run.end.reason == "2 of 4 records received, then an empty page"


def test_r31_a_page_that_was_promised_and_is_empty_is_incomplete() -> None:
    answer = script({"items": item(1, 2), "pages": 2}, {"items": [], "pages": 2})
    run = enumerate_pages(answer, "{type: page, total_pages: pages}")
    assert run.end == End(
        complete=False,
        reason="page 2 of 2 is empty",
        hint="where an empty page is the end whatever the number of pages: `empty_page: stop`",
    )
    answer = script({"items": item(1, 2), "pages": 2}, {"items": [], "pages": 2})
    assert enumerate_pages(answer, "{type: page, total_pages: pages, empty_page: stop}").end.complete


def test_one_empty_page_of_one_is_complete() -> None:
    run = enumerate_pages(script({"items": [], "pages": 1}), "{type: page, total_pages: pages}")
    assert run.end == End(complete=True, reason="the last of 1 page")


def test_r31_a_total_that_was_told_once_stands() -> None:
    answer = script({"items": item(1, 2), "total": 9}, {"items": item(3, 4)}, {"items": item(5)})
    run = enumerate_pages(answer, "{type: page, total: total}")
    assert run.records == item(1, 2, 3, 4, 5, 5)
    assert run.end == End(complete=False, reason="page 4 is the same as the page before it")


def test_r31_an_empty_page_takes_back_no_total() -> None:
    answer = script({"items": item(1, 2), "total": 4}, {"items": [], "total": 0})
    run = enumerate_pages(answer, "{type: offset, total: total}")
    assert not run.end.complete
    assert run.end.reason == "2 of 4 records received, then an empty page"


def test_r31_short_pages_that_stay_below_the_total_are_incomplete() -> None:
    answer = script(
        {"items": item(1, 2), "total": 5}, {"items": item(3), "total": 5}, {"items": item(4), "total": 5}
    )
    run = enumerate_pages(answer, "{type: page, total: total}")
    assert run.end == End(
        complete=False,
        reason="4 of 5 records received",
        hint="where the total counts records that the API does not give, leave it out of pagination",
    )


def test_a_total_that_changes_is_told_and_ends_nothing() -> None:
    answer = script({"items": item(1, 2), "total": 5}, {"items": item(3, 4), "total": 4})
    run = enumerate_pages(answer, "{type: page, total: total}")
    assert run.end == End(complete=True, reason="all 4 records received")
    assert [fetched.drift for fetched in run.pages] == ["", "the total went from 5 to 4 by page 2"]
    answer = script(
        *({"items": item(number), "pages": pages} for number, pages in ((1, 3), (2, 4), (3, 4), (4, 4)))
    )
    run = enumerate_pages(answer, "{type: page, total_pages: pages}")
    told = "the number of pages went from 3 to 4 by page 2"
    assert run.end.complete
    assert [fetched.drift for fetched in run.pages] == ["", told, told, told]


@pytest.mark.parametrize("total", ["3", 3, 3.0, " 3 "])
def test_a_total_may_be_text_or_number(total: Any) -> None:
    answer = script({"items": item(1, 2), "total": total}, {"items": item(3), "total": total})
    run = enumerate_pages(answer, "{type: page, total: total}")
    assert run.end == End(complete=True, reason="all 3 records received")


@pytest.mark.parametrize("total", ["many", -1, True, None, {"value": 3}])
def test_a_total_that_is_no_count_is_as_good_as_none(total: Any) -> None:
    answer = script({"items": item(1, 2), "total": total}, {"items": item(3), "total": total})
    run = enumerate_pages(answer, "{type: page, total: total}")
    assert run.end == End(complete=True, reason="a page of 1, shorter than 2")


def test_empty_page_continue_goes_on_through_gaps_up_to_the_declared_status() -> None:
    pages = {1: item(1), 2: [], 3: item(2)}

    def answer(asked: dict[str, Any]) -> Any:
        number = int(asked["page"])
        return {"items": pages[number]} if number in pages else Reply(None, status=400)

    run = enumerate_pages(answer, "{type: page, empty_page: continue, end_status: [400, 404]}")
    assert run.records == item(1, 2)
    assert run.end == End(complete=True, reason="status 400 past the last page")


def test_an_error_past_the_last_page_is_an_error_unless_declared() -> None:
    answer = script({"items": item(1)}, Reply(None, status=404))
    with pytest.raises(RequestError, match="404"):
        enumerate_pages(answer, "page")


def test_a_declared_status_on_the_first_page_stays_an_error() -> None:
    with pytest.raises(RequestError, match="404"):
        enumerate_pages(script(Reply(None, status=404)), "{type: page, end_status: [404]}")


# --- totals and tokens in headers


@pytest.mark.parametrize(
    ("pagination", "headers"),
    [
        ("{type: page, total_pages: 'headers.\"x-wp-totalpages\"'}", {"X-WP-TotalPages": "2"}),
        ("{type: page, total_pages: 'headers.\"X-WP-TotalPages\"'}", {"X-WP-TotalPages": "2"}),
        ("{type: page, total: 'headers.\"x-wp-total\"'}", {"X-WP-Total": "4"}),
        ("{type: offset, total: to_number(headers.total)}", {}),
        ("{type: offset, total: headers.total}", {"Total": "4"}),
    ],
)
@pytest.mark.parametrize("side_by_side", [False, True])
def test_an_expression_that_begins_with_headers_reads_the_headers(
    pagination: str, headers: dict[str, str], *, side_by_side: bool
) -> None:
    def answer(asked: dict[str, Any]) -> Reply:
        start = int(asked.get("offset", 2 * int(asked.get("page", 1)) - 2))
        return Reply(ids(4)[start : start + 2], headers)

    run = enumerate_pages(answer, pagination, records=None, side_by_side=side_by_side)
    assert (run.records, run.end.complete) == (ids(4), True)
    assert len(run.pages) == (2 if headers else 3)


def test_tokens_and_flags_may_be_in_headers_too() -> None:
    answer = script(
        Reply(item(1), {"X-More": "true", "X-Next": "b"}), Reply(item(2), {"X-More": "false", "X-Next": "c"})
    )
    run = enumerate_pages(
        answer, "{type: cursor, token: 'headers.\"x-next\"', has_more: 'headers.\"x-more\"'}", records=None
    )
    assert (run.records, run.end.complete) == (item(1, 2), True)


# --- links


def test_the_next_url_of_a_post_may_be_for_a_get() -> None:
    answer = script({"items": item(1), "next": "/more?p=2"}, {"items": item(2)})
    request = {"method": "POST", "json": {"q": "x"}}
    run = enumerate_pages(answer, "{type: next_url, url: next, method: GET}", request=request)
    assert [(r.method, r.json) for r in run.api.requests] == [("POST", {"q": "x"}), ("GET", None)]
    answer = script({"items": item(1), "next": "/more?p=2"}, {"items": item(2)})
    run = enumerate_pages(answer, "{type: next_url, url: next}", request=request)
    assert [(r.method, r.json) for r in run.api.requests] == [("POST", {"q": "x"})] * 2


@pytest.mark.parametrize(
    ("link", "followed"),
    [
        (f"{BASE}/items?page=2&per_page=5", f"{BASE}/items?page=2&per_page=5"),
        ("/v2/items?page=2", f"{BASE}/v2/items?page=2"),
        ("?page=2", f"{BASE}/items?page=2"),
        ("more?page=2", f"{BASE}/more?page=2"),
        ("//cdn.example.net/items", "https://cdn.example.net/items"),
        (f"  {BASE}/items?x=a%2Cb ", f"{BASE}/items?x=a%2Cb"),
    ],
)
def test_r19_a_next_url_is_used_as_it_is(link: str, followed: str) -> None:
    answer = script({"items": item(1), "next": link}, {"items": item(2)})
    request = {"params": {"per_page": 5, "q": "x"}, "headers": {"Accept": "application/json"}}
    run = enumerate_pages(answer, "{type: next_url, url: next}", request=request)
    last = run.api.requests[-1]
    assert (last.url, last.params, last.headers) == (followed, {}, {"Accept": "application/json"})


@pytest.mark.parametrize("link", ["javascript:void(0)", "ftp://example.com/x", 7, ["/a"], {"href": "/a"}])
def test_a_next_url_that_is_no_url_is_incomplete(link: Any) -> None:
    run = enumerate_pages(script({"items": item(1), "next": link}), "{type: next_url, url: next}")
    assert run.end == End(complete=False, reason=f"the next page's URL is no http URL: {str(link)!r}")


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("", None),
        ('<https://a/?p=2>; rel="next"', "https://a/?p=2"),
        ("<https://a/?p=2>; rel=next", "https://a/?p=2"),
        ("<https://a/?p=2>;REL=NEXT", "https://a/?p=2"),
        ("<https://a/?p=2>; rel='next'", None),
        ('</b>; rel="prev", </c>; rel="next"', "/c"),
        ('</b?x=1,2;3>; title="a, <b>; rel=x"; rel="prev next"', "/b?x=1,2;3"),
        ('</b>; title="say \\"rel=next\\""; rel=last', None),
        ('</b>; rel="nextish", </c>; rel="http://x/next"', None),
        ('</b>; rel="prev"; rel="next"', None),
        ("</b> ; rel = \"next\" ; title*=UTF-8''x", "/b"),
        ('</other>; rel="next"; anchor="/elsewhere", </b>; rel=next', "/b"),
        ("broken, <no-end; rel=next", None),
        ('<>; rel="next"', ""),
        ('</a>; rel="next", </b>; rel="next"', "/a"),
        ('</a>; crossorigin; rel="next"', "/a"),
    ],
)
def test_link_headers_are_read_as_written_in_the_wild(header: str, target: str | None) -> None:
    assert find_link(header, "next") == target


def test_another_relation_can_be_followed() -> None:
    answer = script(
        Reply({"items": item(1)}, {"Link": '</items?p=0>; rel="prev"'}), Reply({"items": item(2)})
    )
    run = enumerate_pages(answer, "{type: link_header, rel: prev}")
    assert run.api.requests[-1].url == f"{BASE}/items?p=0"


# --- where values go, and when to stop


@pytest.mark.parametrize(
    ("into", "expected"),
    [
        ("params.after", {"params": {"q": 1, "after": "t"}, "headers": {}, "json": None}),
        ("headers.X-Next", {"params": {"q": 1}, "headers": {"X-Next": "t"}, "json": None}),
        ("body.page.after", {"params": {"q": 1}, "headers": {}, "json": {"page": {"after": "t"}}}),
    ],
)
def test_the_token_goes_where_into_says(into: str, expected: dict[str, Any]) -> None:
    answer = script({"items": item(1), "next": "t"}, {"items": item(2)})
    run = enumerate_pages(
        answer, f"{{type: cursor, token: next, into: {into}}}", request={"params": {"q": 1}}
    )
    last = run.api.requests[-1]
    assert {"params": last.params, "headers": last.headers, "json": last.json} == expected


def test_templates_may_place_what_the_pagination_knows() -> None:
    answer = script({"items": item(1), "next": "t"}, {"items": item(2)})
    request = {
        "params": {"q": "id>${page.token}", "n": "${page.number}"},
        "headers": {"X-T": "${page.token}"},
    }
    run = enumerate_pages(answer, CURSOR, request=request)
    assert run.asked == [{"n": 1}, {"q": "id>t", "n": 2}]
    assert [dict(r.headers) for r in run.api.requests] == [{}, {"X-T": "t"}]


def test_templates_may_place_offset_and_size() -> None:
    answer = script({"items": item(1, 2)}, {"items": []})
    request = {"params": {"range": "${page.offset}-${page.size}"}}
    run = enumerate_pages(answer, "{type: offset, size: 2}", request=request)
    assert run.asked == [{"range": "0-2"}, {"range": "2-2"}]


def test_a_number_in_the_path_is_replaced_by_the_parameter() -> None:
    answer = script({"items": item(1)}, {"items": []})
    run = enumerate_pages(answer, "page", request={"path": "/items?page=1&q=a%20b"})
    assert [request.url for request in run.api.requests] == [f"{BASE}/items?q=a%20b"] * 2


@pytest.mark.parametrize(
    "stop_when",
    [
        "records[-1].id == `2`",
        "headers.\"x-last\" == 'yes'",
        "body.last",
        "page.number == `2`",
        "status == `203`",
    ],
)
def test_stop_when_ends_completely(stop_when: str) -> None:
    answer = script(
        {"items": item(1), "last": False},
        Reply({"items": item(2), "last": True}, {"X-Last": "yes"}, 203),
        {"items": item(3)},
    )
    run = enumerate_pages(answer, f"{{type: page, stop_when: '{stop_when.replace(chr(39), chr(39) * 2)}'}}")
    assert run.records == item(1, 2)
    assert run.end == End(complete=True, reason="stop_when is true")


def test_a_body_of_another_type_has_no_token() -> None:
    run = enumerate_pages(script(item(1)), CURSOR, records=None)
    assert run.end == End(complete=True, reason="no further token")


def test_an_expression_that_fails_on_the_answer_is_an_error() -> None:
    with pytest.raises(EvaluationError):
        enumerate_pages(script({"items": item(1), "next": 5}), "{type: cursor, token: keys(next)}")


# --- what YAML may not say


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("curser", "Input tag 'curser' found using 'type' does not match any of the expected tags"),
        ("cursor", "cursor needs either token (JMESPath on the body) or token_header"),
        ({"type": "next_url"}, "next_url needs either url (JMESPath on the body) or header"),
        ({"type": "last_record"}, "Field required"),
        ({"type": "page", "size_param": "n"}, "size_param needs size: how many records to ask for"),
        ({"type": "page", "param": "p", "into": "body.p"}, "give param or into, not both"),
        (
            {"type": "link_header", "into": "params.x"},
            "into has no meaning here: the URL is followed as it is",
        ),
        ({"type": "cursor", "token": "a", "into": "after"}, "String should match pattern"),
        ({"type": "page", "curser": 1}, "Extra inputs are not permitted"),
        ({"param": "p"}, "Unable to extract tag using discriminator 'type'"),
        (3, "Input should be a valid dictionary"),
    ],
)
def test_one_problem_is_one_error(value: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(AnyPagination).validate_python(value)
    assert [message in error["msg"] for error in caught.value.errors()] == [True]


def test_the_json_schema_allows_both_forms() -> None:
    schema = TypeAdapter(AnyPagination).json_schema()
    assert schema["anyOf"][0]["enum"] == ["none", "page", "offset", "link_header", "hook"]
    assert len(schema["anyOf"][1]["oneOf"]) == 8
